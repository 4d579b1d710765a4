/**
 * Tables whose rows only ever add up: sums, maxima and "latest by time" columns. Each of these commutes, in
 * memory as in SQL, so the result depends neither on the order of partitions nor on where batches are cut.
 */
import { type Queryable, type SQLQuery, sql } from '../infra/database/port.js';
import { type ColumnType, rowsOf } from '../infra/database/rows.js';
import type { TableName } from './define.js';

export type Columns = Readonly<Record<string, ColumnType>>;
export type Row = Record<string, unknown>;
export type Rows = Map<unknown, Row>;

/** Columns that follow the event with the greatest (time, id). A row without one yet has 0 and ''. */
export interface Latest {
  readonly at: string;
  readonly id: string;
  readonly columns: Columns;
}

export interface Accumulator {
  readonly table: string;
  readonly key: readonly string[];
  /** Adds a row, complete in all columns, to what the batch holds. Takes the object over. */
  add(rows: Rows, row: Row): void;
  /** One sorted upsert. */
  flush(rows: Rows, tx: Queryable, table: TableName): Promise<void>;
}

export function accumulator(spec: {
  readonly table: string;
  readonly key: Columns;
  readonly sum?: readonly string[];
  readonly max?: readonly string[];
  readonly latest?: readonly Latest[];
}): Accumulator {
  const key = Object.keys(spec.key);
  const sum = spec.sum ?? [];
  const max = spec.max ?? [];
  const latest = spec.latest ?? [];
  const columns = columnsOf({ ...spec, sum, max, latest });
  const keyOf = keyReader(key);
  const head = sql`(${identifiers(Object.keys(columns))})`;
  const tail = sql`on conflict (${identifiers(key)}) do update set ${sql.join([...sum.map(added), ...max.map(raised), ...latest.flatMap(followed)], ', ')}`;

  return {
    table: spec.table,
    key,
    add(rows, row) {
      const id = keyOf(row);
      const known = rows.get(id);
      if (known === undefined) {
        rows.set(id, row);
        return;
      }
      for (const name of sum) known[name] = (known[name] as number) + (row[name] as number);
      for (const name of max) if ((row[name] as number) > (known[name] as number)) known[name] = row[name];
      for (const each of latest) follow(known, row, each);
    },
    async flush(rows, tx, table) {
      if (rows.size === 0) return;
      const inOrder = [...rows.values()].sort((a, b) => byKey(key, a, b));
      await tx.query(sql`insert into ${table(spec.table)} as t ${head} ${rowsOf(tx.engine, columns, inOrder)} ${tail}`);
    },
  };
}

export function identifiers(names: readonly string[]): SQLQuery {
  return sql.join(
    names.map((name) => sql.ident(name)),
    ', ',
  );
}

function columnsOf(spec: { key: Columns; sum: readonly string[]; max: readonly string[]; latest: readonly Latest[] }): Columns {
  const columns: Record<string, ColumnType> = { ...spec.key };
  for (const name of [...spec.sum, ...spec.max]) columns[name] = 'bigint';
  for (const each of spec.latest) Object.assign(columns, { [each.at]: 'bigint', [each.id]: 'text' }, each.columns);
  return columns;
}

/** What tells a row from others within a batch. */
function keyReader(key: readonly string[]): (row: Row) => unknown {
  const [only] = key;
  if (key.length === 1 && only !== undefined) return (row) => row[only];
  return (row) => {
    let text = '';
    for (const name of key) text += `${row[name] as string | number}\u0000`;
    return text;
  };
}

/** Two writers lock in the same order, and a page is touched once: slots and buckets lead most keys. */
function byKey(key: readonly string[], a: Row, b: Row): number {
  for (const name of key) {
    const [mine, theirs] = [a[name] as string | number, b[name] as string | number];
    if (mine !== theirs) return mine < theirs ? -1 : 1;
  }
  return 0;
}

const added = (name: string): SQLQuery => sql`${sql.ident(name)} = t.${sql.ident(name)} + excluded.${sql.ident(name)}`;

const raised = (name: string): SQLQuery => {
  const column = sql.ident(name);
  return sql`${column} = case when excluded.${column} > t.${column} then excluded.${column} else t.${column} end`;
};

function followed({ at, id, columns }: Latest): SQLQuery[] {
  const newer = sql`(excluded.${sql.ident(at)}, excluded.${sql.ident(id)}) > (t.${sql.ident(at)}, t.${sql.ident(id)})`;
  return [at, id, ...Object.keys(columns)].map((name) => {
    const column = sql.ident(name);
    return sql`${column} = case when ${newer} then excluded.${column} else t.${column} end`;
  });
}

function follow(known: Row, row: Row, { at, id, columns }: Latest): void {
  const [mine, theirs] = [known[at] as number, row[at] as number];
  if (theirs < mine || (theirs === mine && (row[id] as string) <= (known[id] as string))) return;
  known[at] = theirs;
  known[id] = row[id];
  for (const name of Object.keys(columns)) known[name] = row[name];
}
