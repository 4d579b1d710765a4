import { afterAll, beforeAll, describe } from 'vitest';
import { openRedis, type RedisConnection } from '../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import { limitsContract } from './contract.js';
import { createRedisLimits } from './redis.js';
import type { LimitsUnderTest, OpenOptions } from './testing/context.js';
import { admitRequest, createTestClock, poolToken, risingRandom } from './testing/fixtures.js';

let server: TestRedis;
let redis: RedisConnection;
let roots = 0;

beforeAll(async () => {
  server = await startTestRedis();
  redis = await openRedis({ url: server.url, name: 'test' });
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

async function open({ settings, found = [] }: OpenOptions): Promise<LimitsUnderTest> {
  roots += 1;
  const clock = createTestClock();
  const common = { redis, clock, settings, root: `kirogate:{limits}:${roots}:` };
  if (found.length > 0) {
    const dead = await createRedisLimits({ ...common, runId: 'dead', random: () => 0 });
    await dead.putTokens(found.map((record) => poolToken(record.tokenId)));
    for (const record of found) {
      const quota = record.metered ? { daily: 1_000_000, monthly: 1_000_000 } : null;
      await dead.admit({ ...admitRequest(''), ...record, quota });
    }
    await dead.close();
  }
  const limits = await createRedisLimits({ ...common, runId: 'run', random: risingRandom() });
  if (found.length > 0) {
    // The dead run's sign grows old while this one's row of signs is unbroken.
    for (let i = 0; i < 2; i += 1) {
      clock.advance(8_000);
      await limits.sweep();
    }
  }
  return { limits, clock };
}

describe('limits in Redis', () => {
  limitsContract(open, 40);
});
