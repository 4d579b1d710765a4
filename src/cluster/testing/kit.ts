/** What the cluster's tests stand on: timers that a test turns, a database that can be taken away. */
import { DatabaseError } from '../../infra/database/errors.js';
import type { Database } from '../../infra/database/port.js';
import type { Every } from '../every.js';
import type { NodeRun } from '../nodeRun.js';

/** A run as the database shows it: just seen, and well. */
export const seenRun = (runId: string, over: Partial<NodeRun> = {}): NodeRun => ({
  ...{ runId, nodeId: runId, version: '0', startedAt: 0, seenAt: 0, seenAgoMs: 0, connections: 0, requestsLastMinute: 0 },
  ...{ leader: false, settings: '{}', settingsPosition: null, health: 'healthy', redisUp: true, stale: false },
  ...over,
});

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
