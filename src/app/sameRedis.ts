/** All nodes must share one Redis: every run leaves a sign in its own, and a start looks there for a sign of those that live already. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Every, realEvery } from '../cluster/every.js';
import { DEAD_AFTER_MS, type NodeRun, readRoll } from '../cluster/nodeRun.js';
import { ConfigError } from '../config.js';
import { StoreUnreachable } from '../errors.js';
import type { Queryable } from '../infra/database/port.js';
import type { RedisConnection } from '../infra/redis/connection.js';
import type { Clock } from '../shared/clock.js';

export interface SameRedisDeps {
  readonly db: Queryable;
  readonly redis: Pick<RedisConnection, 'command'>;
  /** Of this run, whether it is in `node_runs` already or not. */
  readonly runId: string;
  readonly nodeId: string;
  /** Host, port and database of this node's Redis, without a password. */
  readonly address: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** For tests: the pause between two looks. */
  readonly pause?: (ms: number) => Promise<unknown>;
}

const keyOf = (runId: string): string => `kirogate:runs:${runId}`;
const SIGN_MS = 2_000;
/** Longer than a run that was killed still counts as living in the database. */
const SIGN_TTL_MS = 30_000;
/** A Redis that came back empty has the signs of all who reach it long before. */
const PATIENCE_MS = 12_000;
const LOOK_MS = 500;
/** Its life sign in the database, given every 2 s, is so young that the run was not killed meanwhile. */
const FRESH_MS = 5_000;
const MOST_NAMED = 5;

/**
 * Resolves when this Redis shows a sign of another node that says it reaches Redis and began earlier, and when there is no
 * such node: then there is nothing to compare. Throws ConfigError when they live and none of them leaves a sign here,
 * StoreUnreachable when this Redis does not answer. Writes nothing.
 */
export async function checkSameRedis(deps: SameRedisDeps): Promise<void> {
  const pause = deps.pause ?? ((ms: number) => sleep(ms, undefined, { signal: deps.signal }).catch(() => undefined));
  const missedSince = new Map<string, number>();
  for (;;) {
    const others = await othersWithRedis(deps);
    if (others.length === 0 || (await anySign(deps, others)) || deps.signal.aborted) return;
    const now = deps.clock.monotonic();
    for (const { runId } of others) if (!missedSince.has(runId)) missedSince.set(runId, now);
    const missed = others.filter(({ runId, seenAgoMs }) => seenAgoMs <= FRESH_MS && now - (missedSince.get(runId) ?? now) >= PATIENCE_MS);
    if (missed.length > 0) throw new ConfigError([faultOf(deps.address, missed)]);
    await pause(LOOK_MS);
  }
}

/** Two nodes that start at once must not both wait for the other, so the later one is asked. */
async function othersWithRedis({ db, runId, nodeId }: SameRedisDeps): Promise<readonly NodeRun[]> {
  const { runs } = await readRoll(db);
  const own = runs.find((run) => run.runId === runId);
  return runs.filter(
    (run) => run.nodeId !== nodeId && run.redisUp && run.seenAgoMs <= DEAD_AFTER_MS && (own === undefined || isEarlier(run, own)),
  );
}

const isEarlier = (run: NodeRun, own: NodeRun): boolean =>
  run.startedAt < own.startedAt || (run.startedAt === own.startedAt && run.runId < own.runId);

async function anySign({ redis, address }: SameRedisDeps, runs: readonly NodeRun[]): Promise<boolean> {
  try {
    const signs = await redis.command('MGET', ...runs.map(({ runId }) => keyOf(runId)));
    return Array.isArray(signs) && signs.some((sign) => sign !== null);
  } catch (error) {
    throw new StoreUnreachable(`Redis at ${address} does not answer: ${error instanceof Error ? error.message : 'no answer'}`, {
      cause: error,
    });
  }
}

function faultOf(address: string, runs: readonly NodeRun[]): string {
  const names = [...new Set(runs.map(({ nodeId }) => nodeId))].sort();
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '';
  return (
    `REDIS_URL: this node's Redis is ${address}, and the other nodes on this PostgreSQL use another one (${names.slice(0, MOST_NAMED).join(', ')}${more}); ` +
    'give all nodes the same server and the same database number, or stop all of them before you move to another Redis'
  );
}

/** Gives this run's sign in Redis, at once and every 2 s, until `close`. Never rejects: the next one comes soon. */
export async function startRedisSign(deps: {
  readonly redis: Pick<RedisConnection, 'command'>;
  readonly runId: string;
  readonly every?: Every;
}): Promise<{ close(): Promise<void> }> {
  const key = keyOf(deps.runId);
  const give = async (): Promise<void> => {
    // A Redis that is full still prolongs what it has.
    if ((await deps.redis.command('PEXPIRE', key, SIGN_TTL_MS)) === 0) await deps.redis.command('SET', key, '1', 'PX', SIGN_TTL_MS);
  };
  let giving = give().catch(() => undefined);
  const stop = (deps.every ?? realEvery)(SIGN_MS, () => {
    giving = give().catch(() => undefined);
  });
  await giving;
  return {
    async close() {
      stop();
      await giving;
      await deps.redis.command('DEL', key).catch(() => undefined);
    },
  };
}
