/** What the cluster's tests stand on: a database with the schema, timers that a test turns, a database that can be taken away. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseError } from '../../infra/database/errors.js';
import { migrate } from '../../infra/database/migrate.js';
import type { Database } from '../../infra/database/port.js';
import { openPostgres } from '../../infra/database/postgres.js';
import { openSqlite } from '../../infra/database/sqlite.js';
import { freshPostgresDatabase } from '../../infra/database/testing/shared.js';
import { systemClock } from '../../shared/clock.js';
import type { Every } from '../every.js';

const migrations = fileURLToPath(new URL('../../../migrations', import.meta.url));

export interface TestDatabase {
  /** A connection of its own, as one more node has it. */
  another(): Promise<Database>;
  end(): Promise<void>;
}

async function onSqlite(): Promise<TestDatabase> {
  const dir = await mkdtemp(join(tmpdir(), 'kg-cluster-'));
  return collect(
    () => openSqlite({ path: join(dir, 'x.db') }),
    () => rm(dir, { recursive: true, force: true }),
  );
}

async function onPostgres(): Promise<TestDatabase> {
  const url = await freshPostgresDatabase();
  return collect(
    () => openPostgres({ url, poolSize: 3 }),
    async () => undefined,
  );
}

async function collect(open: () => Promise<Database>, remove: () => Promise<void>): Promise<TestDatabase> {
  const opened: Database[] = [];
  const another = async (): Promise<Database> => {
    const db = await open();
    opened.push(db);
    return db;
  };
  await migrate(await another(), { dir: migrations, eventPartitions: 2, clock: systemClock });
  return {
    another,
    async end() {
      for (const db of opened) await db.close();
      await remove();
    },
  };
}

export const engines = [
  ['SQLite', onSqlite],
  ['PostgreSQL', onPostgres],
] as const;

/** Timers that go off when the test says so, all of them, once. */
export interface HandTimers {
  readonly every: Every;
  turn(): void;
}

export function createHandTimers(): HandTimers {
  const running = new Set<() => void>();
  return {
    every(_ms, run) {
      const mine = (): void => run();
      running.add(mine);
      return () => void running.delete(mine);
    },
    turn() {
      for (const run of [...running]) run();
    },
  };
}

/** A database that a test can take away and give back. */
export function losable(db: Database): { readonly db: Database; lost: boolean } {
  const view = { lost: false, db };
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    if (view.lost) throw new DatabaseError('unavailable', 'the test took the database away');
    return work();
  };
  view.db = {
    engine: db.engine,
    query: (query) => guard(() => db.query(query)),
    tx: (fn) => guard(() => db.tx(fn)),
    snapshot: (fn) => guard(() => db.snapshot(fn)),
    ping: () => guard(() => db.ping()),
    close: () => db.close(),
  };
  return view;
}
