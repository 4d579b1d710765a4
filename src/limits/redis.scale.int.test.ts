/** What a request costs Redis: commands sent, round trips awaited, and the scripts' own work, which must not grow with the pool. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RedisConnection } from '../infra/redis/connection.js';
import type { Limits } from './port.js';
import { admitRequest, poolToken } from './testing/fixtures.js';
import { type RedisNodes, startRedisNodes } from './testing/redisNodes.js';
import { createTrips } from './testing/trips.js';

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

/** Nobody waits for these: life signs, and the news that an answer came. */
const BACKGROUND: ReadonlySet<string> = new Set(['sweepRuns', 'answerAttempt']);

function counting(redis: RedisConnection) {
  const trips = createTrips();
  const count = { sent: 0 };
  const counted: RedisConnection = {
    ...redis,
    run(script, ...args) {
      if (script.name !== 'sweepRuns') count.sent += 1;
      const reply = redis.run(script, ...args);
      return BACKGROUND.has(script.name) ? reply : trips.hold(reply);
    },
  };
  return { trips, count, counted };
}

const REQUESTS = 300;

async function openPool(size: number, isFull: boolean) {
  const { trips, count, counted } = counting(nodes.redis);
  const limits = await nodes.node('run', { redis: counted, settings: { tokenMaxConcurrent: isFull ? 1 : 2 } });
  await limits.putTokens(
    Array.from({ length: size }, (_, i) => poolToken(`t${i}`, { ownerId: `u${i % 50}`, models: i % 3 === 0 ? ['sonnet', 'opus'] : null })),
  );
  for (let from = 0; isFull && from < size; from += 250) {
    const some = Array.from({ length: Math.min(250, size - from) }, (_, i) => from + i);
    await Promise.all(some.map((i) => limits.admit(admitRequest(`full${i}`, { onlyTokenId: `t${i}`, keyId: 'other' }))));
  }
  return { limits, trips, count };
}

/** One request through its adapter as the gateway calls it; true where it was served. */
async function request(limits: Limits, i: number): Promise<boolean> {
  const asked = admitRequest(`${i}`, {
    userId: `u${i % 70}`,
    quota: { daily: 1_000, monthly: 1_000 },
    keyRpm: 1_000,
    affinity: `${i % 40}`,
  });
  await limits.peek(asked);
  const answer = await limits.admit(asked);
  nodes.clock().advance(50);
  if (!answer.ok) return false;
  limits.responded(asked.attemptId);
  limits.responded(asked.attemptId, true);
  const outcome = i % 9 === 0 ? 'token_failure' : 'success';
  await limits.settle({ attemptId: asked.attemptId, outcome, retryAfterMs: null, sent: true });
  await limits.finish({ requestId: asked.requestId, quota: 'keep' });
  return true;
}

async function costOf(size: number, isFull: boolean) {
  const { limits, trips, count } = await openPool(size, isFull);
  const awaited = new Set<number>();
  for (let i = 0; i < 20; i += 1) awaited.add(await trips.count(() => request(limits, i)));
  const sentBefore = count.sent;
  const ranBefore = await commandsRun(nodes.redis);
  for (let i = 20; i < 20 + REQUESTS; i += 1) expect(await request(limits, i)).toBe(!isFull);
  const ran = (await commandsRun(nodes.redis)) - ranBefore;
  await limits.close();
  return { awaited: [...awaited], sent: (count.sent - sentBefore) / REQUESTS, ran: ran / REQUESTS };
}

describe('a request through Redis', () => {
  it.each([
    { isFull: false, awaited: 4, sent: 6 },
    { isFull: true, awaited: 2, sent: 2 },
  ])(
    'awaits $awaited round trips and sends $sent commands, with 10 and with 10,000 tokens (all of them busy: $isFull)',
    async ({ isFull, awaited, sent }) => {
      const small = await costOf(10, isFull);
      await nodes.begin();
      const large = await costOf(10_000, isFull);
      for (const cost of [small, large]) expect(cost).toMatchObject({ awaited: [awaited], sent });
      // Commands inside the scripts, counted by the server.
      expect(large.ran).toBeLessThan(small.ran * 1.2);
    },
    120_000,
  );
});
