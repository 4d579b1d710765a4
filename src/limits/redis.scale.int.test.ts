/** What a request costs Redis: commands sent, round trips awaited, and the scripts' own work, which must not grow with the pool. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RedisConnection } from '../infra/redis/connection.js';
import { admitRequest, poolToken } from './testing/fixtures.js';
import { type RedisNodes, startRedisNodes } from './testing/redisNodes.js';

let nodes: RedisNodes;
beforeAll(async () => {
  nodes = await startRedisNodes();
});
beforeEach(() => nodes.begin());
afterAll(() => nodes.close());

/** Calls of every command so far, those inside scripts included. */
async function commandsRun(redis: RedisConnection): Promise<number> {
  const text = String(await redis.command('INFO', 'commandstats'));
  const calls = [...text.matchAll(/^cmdstat_(?!info|config)\S+:calls=(\d+)/gm)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
}

function counting(redis: RedisConnection) {
  const count = { sent: 0 };
  const counted: RedisConnection = {
    ...redis,
    run(...args) {
      count.sent += 1;
      return redis.run(...args);
    },
  };
  return { count, counted };
}

const REQUESTS = 300;

async function costOf(size: number, isFull: boolean) {
  const { count, counted } = counting(nodes.redis);
  const limits = await nodes.node('run', { redis: counted, settings: { tokenMaxConcurrent: isFull ? 1 : 2 } });
  await limits.putTokens(
    Array.from({ length: size }, (_, i) => poolToken(`t${i}`, { ownerId: `u${i % 50}`, models: i % 3 === 0 ? ['sonnet', 'opus'] : null })),
  );
  for (let from = 0; isFull && from < size; from += 250) {
    const some = Array.from({ length: Math.min(250, size - from) }, (_, i) => from + i);
    await Promise.all(some.map((i) => limits.admit(admitRequest(`full${i}`, { onlyTokenId: `t${i}`, keyId: 'other' }))));
  }
  const sentBefore = count.sent;
  const ranBefore = await commandsRun(nodes.redis);
  let awaited = 0;
  for (let i = 0; i < REQUESTS; i += 1) {
    const request = admitRequest(`${i}`, {
      userId: `u${i % 70}`,
      quota: { daily: 1_000, monthly: 1_000 },
      keyRpm: 1_000,
      affinity: `${i % 40}`,
    });
    await limits.peek(request);
    const answer = await limits.admit(request);
    awaited += 2;
    expect(answer.ok ? 'served' : answer.code).toBe(isFull ? 'pool_exhausted' : 'served');
    nodes.clock().advance(50);
    if (!answer.ok) continue;
    limits.responded(request.attemptId);
    limits.responded(request.attemptId, true);
    const outcome = i % 9 === 0 ? 'token_failure' : 'success';
    await limits.settle({ attemptId: request.attemptId, outcome, retryAfterMs: null, sent: true });
    await limits.finish({ requestId: request.requestId, quota: 'keep' });
    awaited += 2;
  }
  const ran = (await commandsRun(nodes.redis)) - ranBefore;
  await limits.close();
  return { awaited: awaited / REQUESTS, sent: (count.sent - sentBefore) / REQUESTS, ran: ran / REQUESTS };
}

describe('a request through Redis', () => {
  it.each([false, true])(
    'costs the same with 10 and with 10,000 tokens (all of them busy: %s)',
    async (isFull) => {
      const small = await costOf(10, isFull);
      await nodes.begin();
      const large = await costOf(10_000, isFull);
      for (const cost of [small, large]) {
        expect(cost.awaited).toBeLessThanOrEqual(4);
        expect(cost.sent).toBeLessThanOrEqual(15);
      }
      expect(large.ran).toBeLessThan(small.ran * 1.2);
    },
    120_000,
  );
});
