/** The stores that a database suite runs on, each empty and for one test or suite alone. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../shared/clock.js';
import { migrate } from '../migrate.js';
import type { Database, Engine } from '../port.js';
import { openPostgres } from '../postgres.js';
import { openSqlite } from '../sqlite.js';
import { freshPostgresDatabase } from './shared.js';

/** For `describe.each(engines)`. */
export const engines = ['sqlite', 'postgres'] as const satisfies readonly Engine[];

export interface TestDatabase {
  readonly db: Database;
  /** One more set of connections to the same store, as another node has; closed by `end`. */
  another(): Promise<Database>;
  /** Closes everything and removes the store. */
  end(): Promise<void>;
}

const migrations = fileURLToPath(new URL('../../../../migrations', import.meta.url));

export interface TestDatabaseOptions {
  /** Of the schema; null: the store stays empty. Default 4. */
  readonly partitions?: number | null;
  /** Connections of each pool. Default 4. */
  readonly poolSize?: number;
}

export async function openTestDatabase(engine: Engine, options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { partitions = 4, poolSize = 4 } = options;
  const { connect, remove } = engine === 'sqlite' ? await sqliteStore() : await postgresStore(poolSize, partitions);
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

async function sqliteStore(): Promise<Store> {
  const dir = await mkdtemp(join(tmpdir(), 'kirogate-store-'));
  return { connect: () => openSqlite({ path: join(dir, 'x.db') }), remove: () => rm(dir, { recursive: true, force: true }) };
}

async function postgresStore(poolSize: number, partitions: number | null): Promise<Store> {
  const url = await freshPostgresDatabase(partitions);
  // The database goes away with the run's server.
  return { connect: () => openPostgres({ url, poolSize }), remove: async () => undefined };
}
