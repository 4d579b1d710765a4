/** The installation that a verb writes to: brought to this build's schema, and taken away again where it was made in vain. */
import { existsSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { migrationsDir } from '../app/package.js';
import { MigrationFault } from '../commands/migration/fault.js';
import { type Config, databaseUrlOf, isGiven, loadConfig } from '../config.js';
import { migrate, readSchemaState, type SchemaState } from '../infra/database/migrate.js';
import type { Database, Engine } from '../infra/database/port.js';
import { openSqlite } from '../infra/database/sqlite.js';
import { withinTransaction } from '../infra/database/withinTransaction.js';
import { systemClock } from '../shared/clock.js';
import { withNewDatabase, withSnapshot } from './store.js';
import { undoOnSignal } from './undoOnSignal.js';

export interface Target {
  readonly db: Database;
  readonly config: Config;
  /** Without a password. */
  readonly where: string;
}

export interface TrialTarget extends Target {
  /** Of the installation that is meant; `db` may stand for it in memory. */
  readonly engine: Engine;
}

/**
 * Runs `work` on the database of the environment. One that holds nothing yet is given its schema in the same transaction as
 * everything that `work` writes: of a failure, or of a process that is killed, nothing stays. `partitions`: of its traffic,
 * where it is made here and the environment does not say.
 */
export async function withTarget<T>(work: (target: Target) => Promise<T>, partitions?: number): Promise<T> {
  const undo = databaseUrlOf(process.env).startsWith('postgres') ? () => undefined : undoOf(loadConfig(process.env));
  const done = undoOnSignal(undo);
  try {
    return await bringTogether(work, partitions);
  } catch (error) {
    undo();
    throw error;
  } finally {
    done();
  }
}

function bringTogether<T>(work: (target: Target) => Promise<T>, partitions: number | undefined): Promise<T> {
  return withNewDatabase(async (db, config, where) => {
    const found = await readSchemaState(db, migrationsDir);
    if (found.empty) {
      return db.tx(async (tx) => {
        const target = withinTransaction(tx);
        await bringUp(target, partitionsOf(config, partitions));
        return work({ db: target, config, where });
      });
    }
    mustBeCurrent(found, where);
    await bringUp(db, partitionsOf(config, found.eventPartitions));
    return work({ db, config, where });
  });
}

/**
 * For a trial run: an installation that exists is shown to `work` as it is, and cannot be written; where there is none yet,
 * `work` gets an empty one in memory. Nothing of either stays.
 */
export async function withTrialTarget<T>(work: (target: TrialTarget) => Promise<T>): Promise<T> {
  if (isMissing()) return inMemory(loadConfig(process.env), (target) => work({ ...target, engine: 'sqlite' }));
  return withSnapshot(async (snapshot, config, where) => {
    const { engine } = snapshot;
    const found = await readSchemaState(snapshot, migrationsDir);
    if (found.empty) return inMemory(config, (target) => work({ ...target, engine }));
    mustBeCurrent(found, where);
    return work({ db: withinTransaction(snapshot), config, where, engine });
  });
}

function isMissing(): boolean {
  if (databaseUrlOf(process.env).startsWith('postgres')) return false;
  const { sqlitePath } = loadConfig(process.env);
  return !existsSync(sqlitePath) || statSync(sqlitePath).size === 0;
}

async function inMemory<T>(config: Config, work: (target: Target) => Promise<T>): Promise<T> {
  const db = await openSqlite({ path: ':memory:' });
  try {
    await bringUp(db, config.EVENT_PARTITIONS);
    return await work({ db, config, where: 'memory' });
  } finally {
    await db.close();
  }
}

/** Nodes may run on it: that a new build came is for whoever upgrades them to decide, and could not be undone with the run. */
function mustBeCurrent({ version, build, pending }: SchemaState, where: string): void {
  if (pending.length === 0) return;
  throw new MigrationFault(null, `${where} has schema version ${version}, this build ${build}; bring it up first: kirogate migrate`);
}

/** What the environment says; else a verb goes by what the installation, or what it takes in, was made with. */
function partitionsOf({ EVENT_PARTITIONS }: Config, known: number | null | undefined): number {
  return isGiven(process.env, 'EVENT_PARTITIONS') ? EVENT_PARTITIONS : (known ?? EVENT_PARTITIONS);
}

async function bringUp(db: Database, eventPartitions: number): Promise<void> {
  const logger = pino({ level: 'silent' });
  await migrate(db, { dir: migrationsDir, eventPartitions, clock: systemClock, logger });
}

/** Takes away what was not there before; at once, because the process may be about to end. */
function undoOf({ sqlitePath, DATA_DIR }: Config): () => void {
  const made = [sqlitePath, `${sqlitePath}-wal`, `${sqlitePath}-shm`].filter(() => !existsSync(sqlitePath));
  for (const name of ['secrets.json', `secrets.json.${process.pid}`, 'node.lock', 'node.lock-wal', 'node.lock-shm']) {
    const path = join(DATA_DIR, name);
    if (!existsSync(path)) made.push(path);
  }
  const folderIsNew = !existsSync(DATA_DIR);
  return () => {
    for (const path of made) rmSync(path, { force: true });
    if (!folderIsNew) return;
    try {
      rmdirSync(DATA_DIR);
    } catch {
      // Somebody else put something there, or it was never made.
    }
  };
}
