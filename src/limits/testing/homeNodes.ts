/** Several nodes in one process, on one real Redis that can die and one database, with a witness of what the upstream and the users see. */
import { pino } from 'pino';
import { DatabaseError } from '../../infra/database/errors.js';
import { type Database, type Queryable, sql } from '../../infra/database/port.js';
import { openTestDatabase, suiteEngine } from '../../infra/database/testing/engines.js';
import { openRedis, type RedisConnection } from '../../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../../infra/redis/testing/server.js';
import { type ClusterLimits, type ClusterLimitsDeps, createClusterLimits } from '../home.js';
import { periodOf } from '../period.js';
import type { AdmitRequest, LimitSettings, PoolToken, UserUsage } from '../port.js';
import { admitRequest, poolToken, roomy } from './fixtures.js';

export interface HomeNode {
  readonly runId: string;
  readonly limits: ClusterLimits;
  /** Only this node loses Redis. */
  cut(isCut: boolean): void;
  /** Only this node loses the database. */
  cutDatabase(isCut: boolean): void;
  /** Stands still: nothing is read or written until `thaw`, which comes `ms` later by its clock. */
  freeze(): void;
  thaw(ms: number): void;
  /** The process is gone: no life sign, no more calls. */
  die(): Promise<void>;
}

export interface HomeCluster {
  readonly server: TestRedis;
  readonly db: Database;
  readonly archive: Archive;
  /** The pool as every node's directory has it. */
  readonly pool: { settings: LimitSettings; tokens: PoolToken[] };
  node(runId: string, over?: Partial<ClusterLimitsDeps>): Promise<HomeNode>;
  close(): Promise<void>;
}

interface Ended {
  readonly request: AdmitRequest;
  readonly day: string;
  readonly month: string;
  readonly charged: boolean;
  readonly sends: readonly { readonly attemptId: string; readonly tokenId: string; readonly at: number }[];
}

/** The event log and the read models: what is appended is archived when the test says so. */
export interface Archive {
  append(eventId: string, ended: Ended): void;
  /** Archives all that was appended. */
  settle(): void;
  charged(userId: string): number;
  readonly archivedIds: ClusterLimitsDeps['archivedIds'];
  readonly readRestore: ClusterLimitsDeps['readRestore'];
}

export function createArchive(): Archive {
  const log = new Map<string, Ended>();
  const archived = new Map<string, Ended>();
  const usageOf = (now: number): UserUsage[] => {
    const { day, month } = periodOf(now);
    const users = new Set([...archived.values()].map((one) => one.request.userId));
    return [...users].map((userId) => {
      const mine = [...archived.values()].filter((one) => one.charged && one.request.quota !== null && one.request.userId === userId);
      return {
        ...{ userId, day, month },
        dayUsed: mine.filter((one) => one.day === day).length,
        monthUsed: mine.filter((one) => one.month === month).length,
      };
    });
  };
  return {
    append: (id, ended) => void (log.has(id) || archived.has(id) || log.set(id, ended)),
    settle() {
      for (const [id, ended] of log) archived.set(id, ended);
      log.clear();
    },
    charged: (userId) => [...log.values(), ...archived.values()].filter((one) => one.charged && one.request.userId === userId).length,
    archivedIds: async (_db: Queryable, ids) => ids.filter((id) => archived.has(id)),
    async readRestore(_db: Queryable, now) {
      const sends = [...archived.values()].flatMap((one) => one.sends).filter((send) => send.at > now - 3_601_000);
      const ids = [...new Set(sends.map((send) => send.tokenId))];
      const nothing = { results: [], consecutiveFails: 0, cooldownUntil: null, lastUsedAt: null };
      const tokens = ids.map((tokenId) => ({
        ...{ tokenId, ...nothing, sends: sends.filter((send) => send.tokenId === tokenId).map((send) => send.at) },
      }));
      return { tokens, users: usageOf(now) };
    },
  };
}

export const testTimings = { pollMs: 20, idleMs: 100, lostAfterMs: 60, backAfterMs: 120, standInMs: 200, noteMs: 100 };

/** On the database that the suite's project runs on. */
export async function startHomeCluster(redisSettings: readonly string[] = []): Promise<HomeCluster> {
  const server = await startTestRedis(redisSettings);
  const store = await openTestDatabase(suiteEngine(), { inMemory: true, poolSize: 8 });
  const { db } = store;
  // One that was used before has been emptied of this row too.
  await db.query(sql`insert into limits_home (one, term, home, state, changed_at, ops_seq, ops_floor, snapshot_seq)
    values (1, 0, 'redis', 'collecting', 0, 0, 0, 0) on conflict do nothing`);
  const archive = createArchive();
  const pool = { settings: { ...roomy }, tokens: ['t1', 't2', 't3'].map((id) => poolToken(id)) };
  const runs = new Map<string, { redisUp: () => boolean }>();
  const nodes: (() => Promise<void>)[] = [];

  const node = async (runId: string, over: Partial<ClusterLimitsDeps> = {}): Promise<HomeNode> => {
    const real = await openRedis({ url: server.url, name: runId, connectTimeoutMs: 2_000 }).catch(() => undefined);
    const gate = createGate(real);
    const redisUp = (): boolean => gate.redis.isReady();
    runs.set(runId, { redisUp });
    const limits = await createClusterLimits({
      ...{ db: gate.database(db), redis: gate.redis, runId, random: Math.random, redisUp },
      clock: { monotonic: () => performance.now() + gate.skew() },
      logger: pino({ level: process.env.LIMITS_LOG ?? 'silent' }).child({ run: runId }),
      living: async () => [...runs].map(([id, run]) => ({ runId: id, redisUp: run.redisUp() })),
      deadRuns: async (ids) => ids.filter((id) => !runs.has(id)),
      poolState: () => pool,
      ...{ archivedIds: archive.archivedIds, readRestore: archive.readRestore, timings: testTimings },
      ...over,
    });
    const close = async (): Promise<void> => {
      gate.open();
      runs.delete(runId);
      await limits.close();
      await real?.close();
    };
    nodes.push(close);
    return {
      ...{ runId, limits, cut: gate.cut, cutDatabase: gate.cutDatabase },
      freeze() {
        runs.delete(runId);
        gate.freeze();
      },
      thaw(ms) {
        runs.set(runId, { redisUp });
        gate.thaw(ms);
      },
      async die() {
        runs.delete(runId);
        gate.kill();
        await real?.close();
      },
    };
  };
  return {
    ...{ server, db, archive, pool, node },
    async close() {
      for (const close of nodes) await close();
      await store.end();
      await server.stop();
    },
  };
}

/** Stands between a node and its stores. */
function createGate(real: RedisConnection | undefined) {
  let isCut = false;
  let isDatabaseCut = false;
  let dead: Promise<never> | undefined;
  let bury = (): void => undefined;
  let cuts = 0;
  let skew = 0;
  let frozen: Promise<void> | undefined;
  let melt = (): void => undefined;
  const pass = async <T>(work: () => Promise<T>): Promise<T> => {
    await frozen;
    if (dead !== undefined) return dead;
    const answer = await work();
    await frozen;
    return answer;
  };
  const toDatabase = <T>(work: () => Promise<T>): Promise<T> =>
    pass(() => (isDatabaseCut ? Promise.reject(new DatabaseError('unavailable', 'the test took the database away')) : work()));
  const toRedis = <T>(work: (redis: RedisConnection) => Promise<T>): Promise<T> => {
    const before = cuts;
    return pass(async () => {
      if (isCut || real === undefined) throw new Error('Connection is closed.');
      const answer = await work(real);
      if (cuts !== before) throw new Error('Connection is closed.');
      return answer;
    });
  };
  const redis: RedisConnection = {
    command: (...args) => toRedis((one) => one.command(...args)),
    run: (...args) => toRedis((one) => one.run(...args)),
    isReady: () => !isCut && real?.isReady() === true,
    losses: () => cuts + (real?.losses() ?? 0),
    close: async () => undefined,
    drop: () => undefined,
  };
  return {
    redis,
    database: (db: Database): Database => ({
      engine: db.engine,
      query: (query) => toDatabase(() => db.query(query)),
      tx: (fn) => toDatabase(() => db.tx(fn)),
      snapshot: (fn) => toDatabase(() => db.snapshot(fn)),
      ping: () => toDatabase(() => db.ping()),
      close: async () => undefined,
    }),
    skew: () => skew,
    cut(next: boolean): void {
      if (next && !isCut) cuts += 1;
      isCut = next;
    },
    cutDatabase(next: boolean): void {
      isDatabaseCut = next;
    },
    freeze(): void {
      frozen = new Promise((resolve) => (melt = resolve));
    },
    thaw(ms: number): void {
      skew += ms;
      frozen = undefined;
      melt();
    },
    kill(): void {
      dead = new Promise((_resolve, reject) => (bury = () => reject(new Error('The process is gone.'))));
      dead.catch(() => undefined);
    },
    open(): void {
      bury();
      frozen = undefined;
      melt();
    },
  };
}

/** What an upstream and the members see, whatever the limits believe. */
export interface Witness {
  /** A whole request: admitted, sent, ended, appended, finished. Answers the token, or the refusal's code. */
  serve(node: HomeNode, id: string, over?: Partial<AdmitRequest>, end?: { charged?: boolean; hold?: Promise<void> }): Promise<string>;
  /** Most calls that were in flight on a token at once, and sends of each. */
  mostInFlight(tokenId: string): number;
  sends(tokenId: string): number;
}

export function createWitness(archive: Archive): Witness {
  const inFlight = new Map<string, number>();
  const most = new Map<string, number>();
  const sends = new Map<string, number>();
  const add = (map: Map<string, number>, key: string, by: number): number => {
    map.set(key, (map.get(key) ?? 0) + by);
    return map.get(key) ?? 0;
  };
  return {
    async serve(node, id, over = {}, { charged = true, hold } = {}) {
      const request = admitRequest(id, over);
      const answer = await node.limits
        .admit(request)
        .catch((error: { code?: string }) => ({ ok: false as const, code: String(error.code) }));
      if (!answer.ok) return answer.code;
      const { tokenId, period } = answer;
      most.set(tokenId, Math.max(most.get(tokenId) ?? 0, add(inFlight, tokenId, 1)));
      add(sends, tokenId, 1);
      await hold;
      const { attemptId, requestId, terminalEventId } = request;
      node.limits.responded(attemptId, true);
      const at = Date.now();
      add(inFlight, tokenId, -1);
      await node.limits.settle({ attemptId, outcome: 'success', retryAfterMs: null, sent: true }).catch(() => undefined);
      archive.append(terminalEventId, { request, ...period, charged, sends: [{ attemptId, tokenId, at }] });
      await node.limits.finish({ requestId, quota: charged ? 'keep' : 'return' }).catch(() => undefined);
      return tokenId;
    },
    mostInFlight: (tokenId) => most.get(tokenId) ?? 0,
    sends: (tokenId) => sends.get(tokenId) ?? 0,
  };
}
