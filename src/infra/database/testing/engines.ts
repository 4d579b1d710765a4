/** The stores that a database suite runs on, each empty and for one test or suite alone. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { systemClock } from '../../../shared/clock.js';
import { migrate } from '../migrate.js';
import type { Database, Engine } from '../port.js';
import { openPostgres } from '../postgres.js';
import { openSqlite } from '../sqlite.js';
import { borrowPostgresDatabase, freshPostgresDatabase, returnPostgresDatabase } from './shared.js';

/** For `describe.each(engines)`. Whole files run on both by the projects of vitest.config.ts and `suiteEngine`. */
export const engines = ['sqlite', 'postgres'] as const satisfies readonly Engine[];

export interface TestDatabase {
  readonly db: Database;
  /** One more set of connections to the same store, as another node has; closed by `end`. */
  another(): Promise<Database>;
  /** Closes everything and removes the store. */
  end(): Promise<void>;
}

/** The engine of this run of the file. */
export const suiteEngine = (): Engine => inject('engine');

const migrations = fileURLToPath(new URL('../../../../migrations', import.meta.url));

export interface TestDatabaseOptions {
  /** Of the schema; null: the store stays empty. Default 4. */
  readonly partitions?: number | null;
  /** On SQLite: faster, and without `another`. Default false. */
  readonly inMemory?: boolean;
  /** Connections of each pool. Default 4. */
  readonly poolSize?: number;
}

export async function openTestDatabase(engine: Engine, options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { partitions = 4, poolSize = 4, inMemory = false } = options;
  const { connect, remove } = engine === 'sqlite' ? await sqliteStore(inMemory) : await postgresStore(poolSize, partitions);
  const opened: Database[] = [];
  const another = async (): Promise<Database> => {
    const db = await connect();
    opened.push(db);
    return db;
  };
  const db = await another();
  if (engine === 'sqlite' && partitions !== null) await migrate(db, { dir: migrations, eventPartitions: partitions, clock: systemClock });
  return {
    db,
    another,
    async end() {
      await Promise.all(opened.map((each) => each.close()));
      await remove();
    },
  };
}

interface Store {
  connect(): Promise<Database>;
  remove(): Promise<void>;
}

async function sqliteStore(inMemory: boolean): Promise<Store> {
  if (inMemory) return { connect: () => openSqlite({ path: ':memory:' }), remove: async () => undefined };
  const dir = await mkdtemp(join(tmpdir(), 'kirogate-store-'));
  return { connect: () => openSqlite({ path: join(dir, 'x.db') }), remove: () => rm(dir, { recursive: true, force: true }) };
}

async function postgresStore(poolSize: number, partitions: number | null): Promise<Store> {
  const url = partitions === null ? await freshPostgresDatabase() : await borrowPostgresDatabase(partitions);
  return {
    connect: () => openPostgres({ url, poolSize }),
    // An empty one goes away with the run's server.
    remove: async () => (partitions === null ? undefined : await returnPostgresDatabase(partitions, url)),
  };
}
