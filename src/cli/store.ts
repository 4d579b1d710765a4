/** Opens the installation's database for a verb, and prints what verbs find. */
import { existsSync } from 'node:fs';
import { type Config, databaseUrlOf, loadConfig } from '../config.js';
import type { Database, Queryable } from '../infra/database/port.js';
import { openPostgres } from '../infra/database/postgres.js';
import { openReadOnlySqlite } from '../infra/database/readOnlySqlite.js';
import { openSqlite } from '../infra/database/sqlite.js';
import { parsePostgresUrl } from '../shared/postgresUrl.js';

/** Runs `work` on the database that the environment names, made where there is none yet; `where` names it without a password. */
export async function withNewDatabase<T>(work: (db: Database, config: Config, where: string) => Promise<T>): Promise<T> {
  const { config, postgres } = environment();
  const where = postgres === null ? config.sqlitePath : parsePostgresUrl(postgres).label;
  const db = postgres === null ? await openSqlite({ path: config.sqlitePath }) : await openPostgres({ url: postgres, ...POSTGRES_POOL });
  try {
    return await work(db, config, where);
  } finally {
    await db.close();
  }
}

/** Runs `work` on the database that the environment names; it may be in use by a running node. Rejects when there is none yet. */
export async function withDatabase<T>(work: (db: Database, config: Config) => Promise<T>): Promise<T> {
  const { config, postgres } = environment();
  const db = await open(config, postgres);
  try {
    return await work(db, config);
  } finally {
    await db.close();
  }
}

/**
 * Shows `work` the database that the environment names as it is at this moment, and writes nothing, not even a file beside it.
 * `where` names it without a password. Rejects when there is none yet.
 */
export async function withSnapshot<T>(work: (snapshot: Queryable, config: Config, where: string) => Promise<T>): Promise<T> {
  const { config, postgres } = environment();
  if (postgres === null) {
    mustExist(config);
    const file = await openReadOnlySqlite(config.sqlitePath);
    try {
      return await work(file, config, config.sqlitePath);
    } finally {
      await file.close();
    }
  }
  const db = await openPostgres({ url: postgres, ...POSTGRES_POOL });
  try {
    return await db.snapshot((snapshot) => work(snapshot, config, parsePostgresUrl(postgres).label));
  } finally {
    await db.close();
  }
}

/** A verb needs the database alone: not Redis, and not the secrets that the nodes share. */
function environment(): { readonly config: Config; readonly postgres: string | null } {
  const url = databaseUrlOf(process.env);
  if (!url.startsWith('postgres')) return { config: loadConfig(process.env), postgres: null };
  const none = { DATABASE_URL: '', DATABASE_URL_FILE: '', REDIS_URL: '', REDIS_URL_FILE: '' };
  return { config: loadConfig({ ...process.env, ...none }), postgres: url };
}

/** Of PostgreSQL a verb takes few connections: nodes need them more. */
const POSTGRES_POOL = { poolSize: 1, maxOverflow: 4 };

async function open(config: Config, postgres: string | null): Promise<Database> {
  if (postgres !== null) return openPostgres({ url: postgres, ...POSTGRES_POOL });
  mustExist(config);
  return openSqlite({ path: config.sqlitePath });
}

function mustExist({ sqlitePath }: Config): void {
  if (existsSync(sqlitePath)) return;
  throw new Error(`there is no database at ${sqlitePath}; start a node first, or point DATA_DIR or DATABASE_URL at it`);
}

/** One JSON document on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Rows as aligned columns with a head. */
export function printTable(head: readonly string[], rows: readonly (readonly unknown[])[]): void {
  const text = [head, ...rows].map((row) => row.map((cell) => (cell === null || cell === undefined ? '' : String(cell))));
  const widths = head.map((_, column) => Math.max(...text.map((row) => row[column]?.length ?? 0)));
  for (const row of text)
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
}
