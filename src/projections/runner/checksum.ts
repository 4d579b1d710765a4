/** Checksums of a projection's tables: all rows in key order, rows past their retention left out. */
import { createHash } from 'node:crypto';
import { type Queryable, type SQLQuery, sql } from '../../infra/database/port.js';
import { identifiers } from '../accumulate.js';
import type { Projection, TableName } from '../define.js';

type Table = Projection['tables'][number];
type Row = Record<string, string | number | null>;

const PAGE = 2_000;

/** SHA-256 (hex) over every row of every table. */
export async function checksum(db: Queryable, projection: Projection, table: TableName): Promise<string> {
  const digest = createHash('sha256');
  for (const spec of projection.tables) {
    digest.update(`${spec.name}\n`);
    for await (const rows of pages(db, spec, table)) digest.update(rows.map(textOf).join(''));
  }
  return digest.digest('hex');
}

export interface Difference {
  readonly table: string;
  /** Key columns of the first row that differs, in key order, as text. */
  readonly key: Readonly<Record<string, string>>;
}

/** The first row, in key order, that is not the same in both; null when there is none. */
export async function firstDifference(db: Queryable, projection: Projection, one: TableName, other: TableName): Promise<Difference | null> {
  for (const spec of projection.tables) {
    const left = rowsIn(pages(db, spec, one));
    const right = rowsIn(pages(db, spec, other));
    for (;;) {
      const [a, b] = [await left.next(), await right.next()];
      if (a.done && b.done) break;
      const [mine, theirs] = [a.done ? undefined : a.value, b.done ? undefined : b.value];
      if (mine && theirs && textOf(mine) === textOf(theirs)) continue;
      return { table: spec.name, key: keyOf(spec, firstOf(spec, mine, theirs)) };
    }
  }
  return null;
}

async function* rowsIn(found: AsyncIterable<Row[]>): AsyncGenerator<Row, undefined> {
  for await (const rows of found) yield* rows;
}

async function* pages(db: Queryable, spec: Table, table: TableName): AsyncGenerator<Row[]> {
  const key = identifiers(spec.key);
  const kept = await keptOnly(db, spec, table);
  let after: SQLQuery = sql`true`;
  for (;;) {
    const rows = await db.query<Row>(sql`select * from ${table(spec.name)} where ${kept} and ${after} order by ${key} limit ${PAGE}`);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (rows.length < PAGE || !last) return;
    after = sql`(${key}) > (${sql.join(
      spec.key.map((name) => sql`${last[name]}`),
      ', ',
    )})`;
  }
}

/** What may have been dropped already does not count, dropped or not. */
async function keptOnly(db: Queryable, { name, retention }: Table, table: TableName): Promise<SQLQuery> {
  if (retention === undefined) return sql`true`;
  const column = sql.ident(retention.column);
  const [row] = await db.query<{ newest: number | null }>(sql`select max(${column}) as newest from ${table(name)}`);
  return row?.newest == null ? sql`true` : sql`${column} >= ${row.newest - retention.ms}`;
}

const textOf = (row: Row): string => `${JSON.stringify(row)}\n`;

function keyOf(spec: Table, row: Row | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(spec.key.map((name) => [name, String(row?.[name])]));
}

function firstOf(spec: Table, a: Row | undefined, b: Row | undefined): Row | undefined {
  if (!a || !b) return a ?? b;
  for (const name of spec.key) {
    const [mine, theirs] = [a[name] ?? '', b[name] ?? ''];
    if (mine !== theirs) return mine < theirs ? a : b;
  }
  return a;
}
