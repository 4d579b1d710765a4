/** Many rows as one source to select from, for batched inserts and upserts: a JSON document on SQLite, an array for each column on PostgreSQL. */
import { DatabaseError } from './errors.js';
import { type Engine, type Queryable, type SQLQuery, sql, sqlItem } from './port.js';
import { binaryArray } from './postgresArrays.js';

export type ColumnType = 'text' | 'bigint' | 'double' | 'boolean';

/**
 * `select … from <the rows> where true`, columns in the order of `columns`. `where true` keeps SQLite from
 * reading a following `on conflict` as a join. One statement text whatever the number of rows, so plans are reused.
 *
 *     sql`insert into t (a, b) ${rowsOf(db.engine, { a: 'text', b: 'bigint' }, rows)} on conflict (a) do update set b = t.b + excluded.b`
 *
 * `undefined` and numbers that are not finite are refused; `null` stays null.
 */
export function rowsOf(engine: Engine, columns: Readonly<Record<string, ColumnType>>, rows: readonly object[]): SQLQuery {
  const names = Object.keys(columns);
  return engine === 'sqlite' ? overJsonEach(columns, names, rows) : overArrays(columns, names, rows);
}

/** Rows of one statement on SQLite: powers of two, so that a handful of texts serve every number of rows. */
const CHUNKS = [64, 32, 16, 8, 4, 2, 1] as const;

/**
 * Inserts many rows as they are. For rows with long texts: on SQLite, where `rowsOf` has them rendered as JSON and parsed again
 * for each column, this takes a third of the time. `tail`: what follows the rows, for example `on conflict do nothing`.
 *
 *     await insertRows(tx, sql`insert into t (a, b)`, { a: 'text', b: 'bigint' }, rows)
 */
export async function insertRows(
  tx: Queryable,
  into: SQLQuery,
  columns: Readonly<Record<string, ColumnType>>,
  rows: readonly object[],
  tail: SQLQuery = sql``,
): Promise<void> {
  if (tx.engine === 'postgres') {
    await tx.query(sql`${into} ${rowsOf(tx.engine, columns, rows)} ${tail}`);
    return;
  }
  const names = Object.keys(columns);
  const writing: Promise<unknown>[] = [];
  for (let at = 0; at < rows.length; ) {
    const count = CHUNKS.find((size) => size <= rows.length - at) ?? 1;
    writing.push(tx.query(sql`${into} values ${valuesOf(names, rows.slice(at, at + count))} ${tail}`));
    at += count;
  }
  // They run in this order; none is under way any more when the first error comes out.
  for (const result of await Promise.allSettled(writing)) if (result.status === 'rejected') throw result.reason;
}

const raw = (text: string) => ({ type: sqlItem.RAW, text }) as const;
const [opened, comma, closed, next] = [raw('('), raw(','), raw(')'), raw('),(')];

/** Put together by hand: templates for each row and value took as long as binding them. */
function valuesOf(names: readonly string[], rows: readonly object[]): SQLQuery {
  const items: Parameters<typeof sql.__dangerous__constructFromParts>[0][number][] = [];
  for (const [index, row] of rows.entries()) {
    items.push(index === 0 ? opened : next);
    for (const [at, name] of names.entries()) {
      if (at > 0) items.push(comma);
      items.push({ type: sqlItem.VALUE, value: checked(name, row) });
    }
  }
  items.push(closed);
  return sql.__dangerous__constructFromParts(items);
}

function checked(name: string, row: object): unknown {
  const value = (row as Readonly<Record<string, unknown>>)[name];
  if (value === undefined || (typeof value === 'number' && !Number.isFinite(value))) {
    throw new DatabaseError('statement', `column ${name} was given ${String(value)}`);
  }
  return typeof value === 'bigint' ? Number(value) : value;
}

function overJsonEach(columns: Readonly<Record<string, ColumnType>>, names: readonly string[], rows: readonly object[]): SQLQuery {
  const document = JSON.stringify(rows.map((row) => names.map((name) => checked(name, row))));
  const picked = names.map((name, index) => {
    const value = sql`(value ->> ${sql.__dangerous__rawValue(String(index))})`;
    // 1.0 comes out of JSON as the integer 1: a real column gets a real.
    return columns[name] === 'double' ? sql`cast(${value} as real) as ${sql.ident(name)}` : sql`${value} as ${sql.ident(name)}`;
  });
  return sql`select ${sql.join(picked, ', ')} from json_each(${document}) where true`;
}

const postgresTypes: Readonly<Record<ColumnType, SQLQuery>> = {
  text: sql`text[]`,
  bigint: sql`bigint[]`,
  double: sql`double precision[]`,
  boolean: sql`boolean[]`,
};

/** An array for each column. */
function overArrays(columns: Readonly<Record<string, ColumnType>>, names: readonly string[], rows: readonly object[]): SQLQuery {
  const arrays = names.map((name) => {
    const type = columns[name] ?? 'text';
    const array = binaryArray(
      type,
      rows.map((row) => checked(name, row)),
    );
    return sql`${array}::${postgresTypes[type]}`;
  });
  const named = sql.join(
    names.map((name) => sql.ident(name)),
    ', ',
  );
  return sql`select ${named} from unnest(${sql.join(arrays, ', ')}) as r(${named}) where true`;
}
