/** Several nodes on one database: adapters of one term with a run each. */
import { fileURLToPath } from 'node:url';
import { migrate } from '../../infra/database/migrate.js';
import { type Database, sql } from '../../infra/database/port.js';
import { openSqlite } from '../../infra/database/sqlite.js';
import { systemClock } from '../../shared/clock.js';
import { writeSnapshot } from '../database/store.js';
import { createDatabaseLimits, type DatabaseLimits } from '../database.js';
import type { LimitSettings } from '../port.js';
import type { LimitsState } from '../transfer.js';
import { createTestClock, risingRandom, roomy, type TestClock } from './fixtures.js';

const dir = fileURLToPath(new URL('../../../migrations', import.meta.url));

interface NodeOptions {
  readonly clock?: null;
  readonly db?: Database;
  readonly snapshotAfter?: number;
  readonly retryMs?: number;
  readonly onMoved?: () => void;
}

export interface DatabaseNodes {
  readonly db: Database;
  /** Another term: nothing of earlier cases is seen. Closes their nodes. */
  begin(settings?: LimitSettings): Promise<void>;
  readonly clock: () => TestClock;
  readonly term: () => number;
  /** Runs that count as dead from now on. */
  readonly dead: Set<string>;
  /** A node's adapter. `clock: null`: on the database's time. `db`: over another connection. */
  node(runId: string, over?: NodeOptions): Promise<DatabaseLimits>;
  close(): Promise<void>;
}

/** An empty home's state. */
export function emptyState(settings: LimitSettings, at: { mono: number; wall: number }): LimitsState {
  const nothing = { tokens: [], attempts: [], requests: [], quotas: [], rates: [], providers: [] };
  return { at, settings, admissions: 0, position: 0, ...nothing };
}

export async function migrated(db: Database): Promise<Database> {
  await migrate(db, { dir, eventPartitions: 1, clock: systemClock });
  return db;
}

export async function startDatabaseNodes(given?: Database): Promise<DatabaseNodes> {
  const db = await migrated(given ?? (await openSqlite({ path: ':memory:' })));
  let term = 0;
  let clock = createTestClock();
  let random = risingRandom();
  let open: DatabaseLimits[] = [];
  const dead = new Set<string>();
  const begin = async (settings = roomy): Promise<void> => {
    await Promise.all(open.map((limits) => limits.close()));
    open = [];
    dead.clear();
    term += 1;
    clock = createTestClock();
    random = risingRandom();
    await db.tx(async (tx) => {
      await tx.query(
        sql`update limits_home set term = ${term}, home = 'database', state = 'open', ops_seq = 0, ops_floor = 0, snapshot_seq = 0`,
      );
      await writeSnapshot(tx, term, 0, emptyState(settings, { mono: clock.monotonic(), wall: clock.now() }));
    });
  };
  return {
    db,
    begin,
    clock: () => clock,
    term: () => term,
    dead,
    async node(runId, over = {}) {
      const limits = await createDatabaseLimits({
        ...{ db: over.db ?? db, term, runId, random },
        deadRuns: async (runs) => runs.filter((run) => dead.has(run)),
        onMoved: over.onMoved ?? (() => undefined),
        ...(over.clock === null ? {} : { clock }),
        ...(over.snapshotAfter === undefined ? {} : { snapshotAfter: over.snapshotAfter }),
        ...(over.retryMs === undefined ? {} : { retryMs: over.retryMs }),
      });
      open.push(limits);
      return limits;
    },
    async close() {
      await begin();
      await db.close();
    },
  };
}
