/** Several nodes on one Redis: adapters of one root with a run each, and connections that can lose replies. */
import { openRedis, type RedisConnection } from '../../infra/redis/connection.js';
import type { RedisScript } from '../../infra/redis/scripts.js';
import { startTestRedis, type TestRedis } from '../../infra/redis/testing/server.js';
import type { LimitSettings } from '../port.js';
import { createRedisLimits, type RedisLimits } from '../redis.js';
import { createTestClock, risingRandom, roomy, type TestClock } from './fixtures.js';

export interface RedisNodes {
  readonly server: TestRedis;
  readonly redis: RedisConnection;
  /** Another root: nothing of earlier cases is seen. Closes their nodes. */
  begin(): Promise<void>;
  readonly clock: () => TestClock;
  /** A node's adapter. `clock: null`: on the server's time. */
  node(runId: string, over?: { settings?: Partial<LimitSettings>; redis?: RedisConnection; clock?: null }): Promise<RedisLimits>;
  close(): Promise<void>;
}

export async function startRedisNodes(settings: readonly string[] = []): Promise<RedisNodes> {
  const server = await startTestRedis(settings);
  // A burst on a busy machine may take its time: these suites ask what is answered, not how soon.
  const redis = await openRedis({ url: server.url, name: 'test', commandTimeoutMs: 60_000 });
  let roots = 0;
  let clock = createTestClock();
  let random = risingRandom();
  let open: RedisLimits[] = [];
  const begin = async (): Promise<void> => {
    await Promise.all(open.map((limits) => limits.close()));
    open = [];
    roots += 1;
    clock = createTestClock();
    random = risingRandom();
  };
  return {
    server,
    redis,
    begin,
    clock: () => clock,
    async node(runId, over = {}) {
      const limits = await createRedisLimits({
        redis: over.redis ?? redis,
        runId,
        random,
        settings: { ...roomy, ...over.settings },
        root: `kirogate:{limits}:${roots}:`,
        retryAfterMs: [0, 0],
        ...(over.clock === null ? {} : { clock }),
      });
      open.push(limits);
      return limits;
    },
    async close() {
      await begin();
      await redis.close();
      await server.stop();
    },
  };
}

/** Runs the script and loses its reply as often as `loses` says so. */
export function losingReplies(redis: RedisConnection, loses: (script: RedisScript) => boolean): RedisConnection {
  return {
    ...redis,
    async run(script, keys, args) {
      const reply = await redis.run(script, keys, args);
      if (loses(script)) throw new Error('Connection is closed.');
      return reply;
    },
  };
}
