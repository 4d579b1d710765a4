import { afterAll, beforeAll, describe } from 'vitest';
import type { RedisConnection } from '../infra/redis/connection.js';
import { limitsContract } from './contract.js';
import type { Limits } from './port.js';
import type { LimitsUnderTest, OpenOptions } from './testing/context.js';
import { admitRequest, poolToken } from './testing/fixtures.js';
import { limitsModel } from './testing/model.js';
import { losingReplies, type RedisNodes, startRedisNodes } from './testing/redisNodes.js';
import { redisSite } from './testing/redisSite.js';

let nodes: RedisNodes;
beforeAll(async () => {
  nodes = await startRedisNodes();
});
afterAll(() => nodes.close());

async function open({ settings, found = [], history = false }: OpenOptions, redis?: RedisConnection): Promise<LimitsUnderTest> {
  await nodes.begin();
  if (history) {
    const site = await redisSite(nodes, settings, redis);
    return { limits: site.nodes()[0] as Limits, clock: nodes.clock(), site };
  }
  if (found.length > 0) {
    const dead = await nodes.node('dead', { settings });
    await dead.putTokens(found.map((record) => poolToken(record.tokenId)));
    for (const record of found) {
      const quota = record.metered ? { daily: 1_000_000, monthly: 1_000_000 } : null;
      await dead.admit({ ...admitRequest(''), ...record, quota });
    }
    await dead.close();
  }
  const limits = await nodes.node('run', { settings, ...(redis === undefined ? {} : { redis }) });
  if (found.length > 0) {
    // The dead run's sign grows old while this one's row of signs is unbroken.
    for (let i = 0; i < 2; i += 1) {
      nodes.clock().advance(8_000);
      await limits.sweep();
    }
  }
  return { limits, clock: nodes.clock() };
}

describe('limits in Redis', () => {
  limitsContract((options) => open(options), 40);
});

describe('limits in Redis over a connection that loses every third reply', () => {
  let calls = 0;
  // Those two are not awaited by the histories: a second run of theirs comes later than it should.
  const loses = ({ name }: { name: string }): boolean => {
    if (name === 'configurePool' || name === 'answerAttempt') return false;
    calls += 1;
    return calls % 3 === 0;
  };
  limitsModel((options) => open(options, losingReplies(nodes.redis, loses)), 15);
});
