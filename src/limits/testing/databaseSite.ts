/** Three nodes on one database of which one may be killed: the others sweep it, and a new one takes its place. */
import { DatabaseError } from '../../infra/database/errors.js';
import type { Database } from '../../infra/database/port.js';
import type { DatabaseLimits } from '../database.js';
import type { LimitSettings, Limits } from '../port.js';
import type { LimitsUnderTest, Site } from './context.js';
import type { DatabaseNodes } from './databaseNodes.js';

const NODES = 3;
const DEAD_AFTER_MS = 15_000;

export interface DatabaseSiteOptions {
  readonly settings: LimitSettings;
  /** What the nodes reach the database through. */
  readonly db?: Database;
  /** Operations after which a snapshot is written; a node that joins then begins with it. Default: it is told all from the start. */
  readonly snapshotAfter?: number;
}

/** For random histories. */
export async function openSite(nodes: DatabaseNodes, options: DatabaseSiteOptions): Promise<LimitsUnderTest> {
  const site = await databaseSite(nodes, options);
  return { limits: site.nodes()[0] as Limits, clock: nodes.clock(), site };
}

async function databaseSite(nodes: DatabaseNodes, { settings, db = nodes.db, snapshotAfter }: DatabaseSiteOptions): Promise<Site> {
  await nodes.begin(settings);
  let started = 0;
  let living: { readonly runId: string; readonly limits: DatabaseLimits; readonly end: () => void }[] = [];
  const join = async (): Promise<void> => {
    started += 1;
    const runId = `run${started}`;
    const wire = mortal(db);
    const limits = await nodes.node(runId, { db: wire.db, retryMs: 0, ...(snapshotAfter === undefined ? {} : { snapshotAfter }) });
    living.push({ runId, limits, end: wire.cut });
  };
  const sweepAll = (): Promise<unknown> => Promise.all(living.map(({ limits }) => limits.sweep()));
  while (started < NODES) await join();
  return {
    copies: { knowTalks: snapshotAfter === undefined },
    nodes: () => living.map(({ limits }) => limits),
    async advance(ms) {
      nodes.clock().advance(ms);
      await sweepAll();
    },
    async kill(node) {
      const dead = living.find(({ limits }) => limits === node);
      if (dead === undefined) throw new Error('only who lives can be killed');
      dead.end();
      await node.close();
      const diedAt = nodes.clock().monotonic();
      living = living.filter((one) => one !== dead);
      nodes.clock().advance(DEAD_AFTER_MS);
      // A silent run is not a dead one until the database calls it so.
      await sweepAll();
      nodes.dead.add(dead.runId);
      // All of them at once: one of them takes what it held.
      await sweepAll();
      await join();
      return { how: 'swept', diedAt };
    },
    async close() {
      for (const { limits } of living) await limits.close();
    },
  };
}

/** A process's way to the database, which ends with it. */
function mortal(db: Database): { readonly db: Database; readonly cut: () => void } {
  let isCut = false;
  const pass = <T>(work: () => Promise<T>): Promise<T> => (isCut ? Promise.reject(lost('the process is gone')) : work());
  return {
    cut: () => {
      isCut = true;
    },
    db: {
      ...over(db),
      query: (query) => pass(() => db.query(query)),
      tx: (fn) => pass(() => db.tx(fn)),
      snapshot: (fn) => pass(() => db.snapshot(fn)),
    },
  };
}

/** Every fifth transaction is committed and its answer lost; every eleventh is lost on its way there. */
export function losingDatabase(db: Database): Database {
  let calls = 0;
  return {
    ...over(db),
    async tx(fn) {
      calls += 1;
      const call = calls;
      if (call % 11 === 0) throw lost('the transaction did not arrive');
      const answer = await db.tx(fn);
      if (call % 5 === 0) throw lost('the answer did not arrive');
      return answer;
    },
  };
}

const lost = (why: string): DatabaseError => new DatabaseError('unavailable', why);

function over(db: Database): Database {
  return {
    engine: db.engine,
    query: (query) => db.query(query),
    tx: (fn) => db.tx(fn),
    snapshot: (fn) => db.snapshot(fn),
    ping: () => db.ping(),
    close: () => db.close(),
  };
}
