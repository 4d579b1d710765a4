/** Brings a database to this build's schema: numbered files, each in its own transaction, safe when many nodes start at once. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.js';
import { DatabaseError } from './errors.js';
import { type Database, type Queryable, sql } from './port.js';
import { splitStatements } from './splitStatements.js';

/** The database cannot be used by this build; the message tells the operator why and what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

export interface MigrateOptions {
  /** Folder with one sub-folder per engine, each holding `NNNN_name.sql`. */
  readonly dir: string;
  /** Traffic partitions of a new installation; must equal the stored number of an existing one. */
  readonly eventPartitions: number;
  readonly clock: Clock;
  readonly logger?: Logger;
}

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

interface Applied {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

/** Also the advisory lock that starters on PostgreSQL take in turn. */
const ADVISORY_LOCK = 4_711_200_301;
const GENESIS_HASH = '0'.repeat(64);

/**
 * Applies what is missing. Answers the schema's version and the files this call applied.
 * Throws MigrationError for a database of something else, of a newer build whose migrations do not say that this one may
 * go on (docs/upgrades.md), or with another EVENT_PARTITIONS.
 */
export async function migrate(db: Database, options: MigrateOptions): Promise<{ version: number; applied: readonly string[] }> {
  const known = await readMigrations(join(options.dir, db.engine));
  const applied: string[] = [];
  // Most starts find nothing to do, and then take no lock.
  const found = await readApplied(db);
  let pending = pendingOf(known, found);
  const newer = found.filter(({ version }) => version > lastOf(known)).map(({ name }) => name);
  if (newer.length > 0) options.logger?.warn({ newer }, 'the database was upgraded by a newer KiroGate, which this one may serve beside');
  while (pending !== undefined) {
    const name = await db.tx((tx) => applyNext(tx, known, options));
    if (name !== undefined) {
      applied.push(name);
      options.logger?.info({ migration: name }, 'migration applied');
    }
    pending = pendingOf(known, await readApplied(db));
  }
  await settleInstallation(db, options);
  return { version: known.at(-1)?.version ?? 0, applied };
}

export interface SchemaState {
  /** It holds no table at all. */
  readonly empty: boolean;
  /** Of the newest migration in it, and of the newest that this build has; 0: none. */
  readonly version: number;
  readonly build: number;
  /** Names of migrations that it lacks, and of those that a newer build applied and this one may serve beside. */
  readonly pending: readonly string[];
  readonly newer: readonly string[];
  /** null: no start has fixed it yet. */
  readonly eventPartitions: number | null;
}

/** How the database stands to this build. Changes nothing. Throws MigrationError for what `migrate` would refuse. */
export async function readSchemaState(db: Queryable, dir: string): Promise<SchemaState> {
  const known = await readMigrations(join(dir, db.engine));
  const applied = await readApplied(db);
  pendingOf(known, applied);
  const done = new Set(applied.map(({ version }) => version));
  return {
    empty: applied.length === 0,
    version: applied.at(-1)?.version ?? 0,
    build: lastOf(known),
    pending: known.filter(({ version }) => !done.has(version)).map(({ name }) => name),
    newer: applied.filter(({ version }) => version > lastOf(known)).map(({ name }) => name),
    eventPartitions: applied.length === 0 ? null : ((await readPartitions(db)) ?? null),
  };
}

async function readMigrations(dir: string): Promise<readonly Migration[]> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(
    names.map(async (name) => {
      const version = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
      if (Number.isNaN(version)) throw new MigrationError(`${join(dir, name)} is not named like 0001_snake_case.sql`);
      const text = (await readFile(join(dir, name), 'utf8')).replaceAll('\r\n', '\n');
      return { version, name, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
  for (const [index, { version, name }] of migrations.entries()) {
    if (migrations[index + 1]?.version === version) throw new MigrationError(`two migrations have the number of ${name}`);
  }
  return migrations;
}

/** What was applied before; throws when the database is somebody else's. An empty database answers none. */
async function readApplied(db: Queryable): Promise<readonly Applied[]> {
  const tables = await tableNames(db);
  if (tables.includes('kirogate_migrations')) {
    return db.query<Applied>(sql`select version, name, checksum from kirogate_migrations order by version`);
  }
  if (tables.length === 0) return [];
  const some = tables.slice(0, 5).join(', ') + (tables.length > 5 ? ', …' : '');
  throw new MigrationError(
    `The database is not KiroGate's: it holds other tables (${some}). Point DATABASE_URL at an empty or new database; this one was left as it is.`,
  );
}

async function tableNames(db: Queryable): Promise<readonly string[]> {
  const rows =
    db.engine === 'sqlite'
      ? await db.query<{ name: string }>(
          sql`select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%' order by name`,
        )
      : await db.query<{ name: string }>(
          // Tables, views and the like, but not what an extension brought along.
          sql`select c.relname as name from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
            and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') order by 1`,
        );
  return rows.map((row) => row.name);
}

const lastOf = (known: readonly Migration[]): number => known.at(-1)?.version ?? 0;

/**
 * The oldest schema whose builds go on with this migration applied: `0008_more_compatible_0007.sql` says 7. The name is all
 * that an older build sees of it. Infinity: it says nothing, so none does.
 */
function compatibleFrom(name: string): number {
  const told = /_compatible_(\d{4})\.sql$/.exec(name)?.[1];
  return told === undefined ? Number.POSITIVE_INFINITY : Number(told);
}

/** The first migration not applied yet; throws when the database knows what this build does not. */
function pendingOf(known: readonly Migration[], applied: readonly Applied[]): Migration | undefined {
  const byVersion = new Map(known.map((migration) => [migration.version, migration]));
  for (const { version, name, checksum } of applied) {
    const mine = byVersion.get(version);
    if (mine === undefined) {
      if (compatibleFrom(name) <= lastOf(known)) continue;
      throw new MigrationError(
        `The database was written by a newer KiroGate (it has migration ${name}; this build knows up to ${known.at(-1)?.name ?? 'none'}). ` +
          'Start that build or a newer one, or restore a backup from before the upgrade.',
      );
    }
    if (mine.checksum !== checksum) {
      throw new MigrationError(
        `Migration ${name} differs from the one this database was made with (as ${mine.name} here). Use the build that made the database, or restore the original file.`,
      );
    }
  }
  const done = new Set(applied.map((migration) => migration.version));
  return known.find((migration) => !done.has(migration.version));
}

/** One starter at a time, however long its statements take. SQLite's write transactions hold the whole file already. */
async function inTurn(tx: Queryable): Promise<void> {
  if (tx.engine === 'sqlite') return;
  await tx.query(sql`select set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true)`);
  await tx.query(sql`select pg_advisory_xact_lock(${ADVISORY_LOCK})`);
}

/** Under the write lock: looks again, since another starter may have been faster. */
async function applyNext(tx: Queryable, known: readonly Migration[], options: MigrateOptions): Promise<string | undefined> {
  await inTurn(tx);
  const next = pendingOf(known, await readApplied(tx));
  if (next === undefined) return undefined;
  await tx.query(sql`create table if not exists kirogate_migrations (
    version bigint primary key not null,
    name text not null,
    checksum text not null,
    applied_at bigint not null
  )`);
  for (const statement of splitStatements(next.text)) {
    try {
      await tx.query(sql.__dangerous__rawValue(statement));
    } catch (error) {
      // The store went away, or another transaction was in the way: nothing is wrong with the migration.
      if (error instanceof DatabaseError && error.transient) throw error;
      const { message, cause = error } = error instanceof Error ? error : new Error(String(error));
      throw new MigrationError(`Migration ${next.name} failed and was rolled back: ${message}`, { cause });
    }
  }
  await tx.query(sql`insert into kirogate_migrations (version, name, checksum, applied_at)
    values (${next.version}, ${next.name}, ${next.checksum}, ${options.clock.now()})`);
  return next.name;
}

/** Fixes the number of partitions at the first start and holds later starts to it. */
async function settleInstallation(db: Database, { eventPartitions, clock }: MigrateOptions): Promise<void> {
  const stored =
    (await readPartitions(db)) ??
    (await db.tx(async (tx) => {
      await inTurn(tx);
      const faster = await readPartitions(tx);
      if (faster !== undefined) return faster;
      const names = ['control', ...Array.from({ length: eventPartitions }, (_, index) => `p${index}`)];
      for (const name of names) {
        await tx.query(sql`insert into partitions (partition, position, hash) values (${name}, ${0}, ${GENESIS_HASH})`);
      }
      await tx.query(sql`insert into installation (product, event_partitions, created_at)
        values (${'kirogate'}, ${eventPartitions}, ${clock.now()})`);
      return eventPartitions;
    }));
  if (stored !== eventPartitions) {
    throw new MigrationError(
      `This installation was made with EVENT_PARTITIONS=${stored}, which cannot change later; now it is ${eventPartitions}. Set EVENT_PARTITIONS=${stored}.`,
    );
  }
}

async function readPartitions(db: Queryable): Promise<number | undefined> {
  const rows = await db.query<{ event_partitions: number }>(sql`select event_partitions from installation where product = ${'kirogate'}`);
  return rows[0]?.event_partitions;
}
