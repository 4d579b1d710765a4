/** Reads an old KiroGate whole: every table that we know, by the names of its columns, whatever release wrote it. */
import { DatabaseError } from '../../../infra/database/errors.js';
import { type SQLQuery, sql } from '../../../infra/database/port.js';
import type { ReadOnlySqlite } from '../../../infra/database/readOnlySqlite.js';
import { atTable, MigrationFault } from '../fault.js';
import { countOf, type OldRow } from './values.js';

/** In the order in which they are taken: what others refer to comes first. */
export const takenTables = [
  'users',
  'user_quotas',
  'tokens',
  'api_keys',
  'import_keys',
  'announcements',
  'site_config',
  'ip_blacklist',
] as const;
export type TakenTable = (typeof takenTables)[number];

/** What stays behind, and why. */
const leftTables: Readonly<Record<string, string>> = {
  token_health: 'results of old checks; tokens are checked anew',
  activity_logs: 'history without token, usage and outcome: it would have to be made up to become events',
  audit_logs: 'history of the old panel, in the words of its own actions',
  user_notifications: 'texts about the old installation; troubles of tokens are told anew',
  announcement_status: 'who has read or hidden an old announcement',
  counters: 'figures of the old installation; statistics begin anew',
  hourly_requests: 'figures of the old installation; statistics begin anew',
  recent_requests: 'figures of the old installation; statistics begin anew',
  ip_stats: 'figures of the old installation; statistics begin anew',
};

export interface OldInstallation {
  readonly tables: ReadonlyMap<TakenTable, readonly OldRow[]>;
  readonly left: readonly { readonly table: string; readonly rows: number; readonly why: string }[];
  readonly warnings: readonly string[];
}

/** More than any installation of the old kind had; what is taken is held in memory until it is written. */
const MOST_ROWS = 500_000;
const PAGE = 1_000;

export type Kind = 'old' | 'metrics' | 'other';

/** What the tables of a file tell of its origin. */
export function kindOf(tables: ReadonlyMap<string, readonly string[]>): Kind {
  const has = (table: string, ...columns: string[]): boolean => columns.every((column) => tables.get(table)?.includes(column) === true);
  if (has('users', 'id', 'username') && has('tokens', 'id', 'user_id', 'refresh_token_encrypted')) return 'old';
  return has('counters', 'key', 'value') || has('ip_blacklist', 'ip') || has('site_config', 'key', 'value') ? 'metrics' : 'other';
}

/**
 * `metrics` is the file that held site settings and address bans. Throws MigrationFault naming the table that cannot be read;
 * damage anywhere in either file is one, also where nothing is taken from.
 */
export async function readOld(main: ReadOnlySqlite, metrics: ReadOnlySqlite | null): Promise<OldInstallation> {
  const found = new Map<TakenTable, readonly OldRow[]>();
  const left: { table: string; rows: number; why: string }[] = [];
  const warnings: string[] = [];
  let rows = 0;
  for (const file of metrics === null ? [main] : [main, metrics]) {
    const damage = await file.damage();
    if (damage !== null) throw new MigrationFault(damage.table, `${file.path} is damaged: ${damage.reason}`);
    warnings.push(...file.remarks);
    const tables = await file.tables();
    for (const table of takenTables) {
      if (!tables.has(table) || (found.get(table)?.length ?? 0) > 0) continue;
      const read = await readTable(file, table, tables.get(table) ?? [], MOST_ROWS - rows);
      rows += read.length;
      found.set(table, read);
    }
    for (const [table, why] of Object.entries(leftTables)) {
      if (!tables.has(table) || left.some((one) => one.table === table)) continue;
      const count = await countRows(file, table);
      if (count > 0) left.push({ table, rows: count, why });
    }
    if (await file.changed()) throw new MigrationFault(null, `${file.path} was written while it was read; run the import again`);
  }
  const used = (found.get('user_quotas') ?? []).filter((row) => (countOf(row.daily_used) ?? 0) + (countOf(row.monthly_used) ?? 0) > 0);
  if (used.length > 0)
    left.push({ table: 'user_quotas', rows: used.length, why: 'what was used up there; the quotas themselves come, and begin anew' });
  return { tables: found, left, warnings };
}

async function readTable(file: ReadOnlySqlite, table: string, columns: readonly string[], most: number): Promise<OldRow[]> {
  const rows: OldRow[] = [];
  const page = await pagesOf(file, table, columns);
  try {
    for (;;) {
      const found = await file.query<OldRow & { _row: string }>(page(rows.length, rows.at(-1)));
      for (const row of found) rows.push(row);
      if (rows.length > most) throw new MigrationFault(table, `more than ${MOST_ROWS} rows in all; this is more than is taken at once`);
      if (found.length < PAGE) return rows;
    }
  } catch (error) {
    throw atTable(table, error);
  }
}

type Page = (done: number, last: OldRow | undefined) => SQLQuery;

/** By the number that SQLite gives each row, which is also what names a row without an id; a table WITHOUT ROWID by its key. */
async function pagesOf(file: ReadOnlySqlite, table: string, columns: readonly string[]): Promise<Page> {
  const list = sql.join(columns.map(exactly), ', ');
  const key = await keyOf(file, table);
  const rowid = ['rowid', '_rowid_', 'oid'].find((name) => !columns.some((column) => column.toLowerCase() === name));
  if (key !== null || rowid === undefined) {
    const order = sql.join((key ?? columns).map(columnOf), ', ');
    return (done) => sql`select ${list}, null as _row from ${sql.ident(table)} as t order by ${order} limit ${PAGE} offset ${done}`;
  }
  const number = columnOf(rowid);
  return (_, last) => {
    const after = last === undefined ? sql`true` : sql`${number} > cast(${last._row} as integer)`;
    return sql`select ${list}, cast(${number} as text) as _row from ${sql.ident(table)} as t where ${after} order by ${number} limit ${PAGE}`;
  };
}

/** Of the table itself, also where the answer has a column of that name. */
const columnOf = (name: string): SQLQuery => sql`t.${sql.__dangerous__rawValue(`"${name.replaceAll('"', '""')}"`)}`;

/** Integers that a number cannot hold come as text. */
function exactly(name: string): SQLQuery {
  const column = columnOf(name);
  const most = Number.MAX_SAFE_INTEGER;
  const isLarge = sql`typeof(${column}) = 'integer' and ${column} not between ${-most} and ${most}`;
  return sql`case when ${isLarge} then cast(${column} as text) else ${column} end as ${sql.ident(name)}`;
}

/** Columns of the primary key of a table WITHOUT ROWID; null: it has row numbers. */
async function keyOf(file: ReadOnlySqlite, table: string): Promise<readonly string[] | null> {
  const [kind] = await file.query<{ wr: number }>(sql`select wr from pragma_table_list(${table}) where schema = 'main'`);
  if (!kind?.wr) return null;
  const key = await file.query<{ name: string }>(sql`select name from pragma_table_info(${table}) where pk > 0 order by pk`);
  return key.map(({ name }) => name);
}

async function countRows(file: ReadOnlySqlite, table: string): Promise<number> {
  try {
    return Number((await file.query<{ n: number }>(sql`select count(*) as n from ${sql.ident(table)}`))[0]?.n ?? 0);
  } catch (error) {
    if (error instanceof DatabaseError) throw atTable(table, error);
    throw error;
  }
}
