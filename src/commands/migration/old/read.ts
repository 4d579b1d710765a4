/** Reads an old KiroGate whole: every table that we know, by the names of its columns, whatever release wrote it. */
import { DatabaseError } from '../../../infra/database/errors.js';
import { sql } from '../../../infra/database/port.js';
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
      const read = await readTable(file, table, MOST_ROWS - rows);
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

async function readTable(file: ReadOnlySqlite, table: string, most: number): Promise<OldRow[]> {
  const rows: OldRow[] = [];
  let after = Number.MIN_SAFE_INTEGER;
  try {
    for (;;) {
      const page = await file.query<OldRow & { _row: number }>(
        sql`select rowid as _row, * from ${sql.ident(table)} where rowid > ${after} order by rowid limit ${PAGE}`,
      );
      rows.push(...page);
      if (rows.length > most) throw new MigrationFault(table, `more than ${MOST_ROWS} rows in all; this is more than is taken at once`);
      const last = page.at(-1);
      if (page.length < PAGE || last === undefined) return rows;
      after = last._row;
    }
  } catch (error) {
    throw atTable(table, error);
  }
}

async function countRows(file: ReadOnlySqlite, table: string): Promise<number> {
  try {
    return Number((await file.query<{ n: number }>(sql`select count(*) as n from ${sql.ident(table)}`))[0]?.n ?? 0);
  } catch (error) {
    if (error instanceof DatabaseError) throw atTable(table, error);
    throw error;
  }
}
