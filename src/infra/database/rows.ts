/** Many rows as one parameter: a select over a JSON document, for batched inserts and upserts on both engines. */
import { DatabaseError } from './errors.js';
import { type Engine, type SQLQuery, sql } from './port.js';

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
  const tuples = rows.map((row) => names.map((name) => checked(name, (row as Readonly<Record<string, unknown>>)[name])));
  const document = JSON.stringify(tuples);
  return engine === 'sqlite' ? overJsonEach(columns, names, document) : overJsonArray(columns, names, document);
}

function checked(name: string, value: unknown): unknown {
  if (value === undefined || (typeof value === 'number' && !Number.isFinite(value))) {
    throw new DatabaseError('statement', `column ${name} was given ${String(value)}`);
  }
  return typeof value === 'bigint' ? Number(value) : value;
}

function overJsonEach(columns: Readonly<Record<string, ColumnType>>, names: readonly string[], document: string): SQLQuery {
  const picked = names.map((name, index) => {
    const value = sql`(value ->> ${sql.__dangerous__rawValue(String(index))})`;
    // 1.0 comes out of JSON as the integer 1: a real column gets a real.
    return columns[name] === 'double' ? sql`cast(${value} as real) as ${sql.ident(name)}` : sql`${value} as ${sql.ident(name)}`;
  });
  return sql`select ${sql.join(picked, ', ')} from json_each(${document}) where true`;
}

const postgresTypes: Readonly<Record<ColumnType, SQLQuery>> = {
  text: sql`text`,
  bigint: sql`bigint`,
  double: sql`double precision`,
  boolean: sql`boolean`,
};

function overJsonArray(columns: Readonly<Record<string, ColumnType>>, names: readonly string[], document: string): SQLQuery {
  const picked = names.map((name, index) => {
    const type = postgresTypes[columns[name] ?? 'text'];
    return sql`(row ->> ${sql.__dangerous__rawValue(String(index))})::${type} as ${sql.ident(name)}`;
  });
  return sql`select ${sql.join(picked, ', ')} from json_array_elements(${document}::json) as row where true`;
}
