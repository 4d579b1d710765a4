/** The scripts of the words on a real Redis, and two runs of which one has lost the database. */
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../tests/support/until.js';
import { openRedis, type RedisConnection } from '../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import { systemClock } from '../shared/clock.js';
import { type CurrencyService, startCurrency } from './currency.js';
import { seenRun } from './testing/kit.js';
import { parseWord } from './words.js';

const KEY = 'kirogate:followers';
let server: TestRedis;
let redis: RedisConnection;
beforeAll(async () => {
  server = await startTestRedis();
  redis = await openRedis({ url: server.url, name: 'test' });
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

function run(runId: string, followedAt: () => number): Promise<CurrencyService> {
  return startCurrency({
    runId,
    redis,
    directory: { position: () => 5, followedAt, onFollowed: () => () => undefined },
    readAhead: async () => undefined,
    homeTerm: () => 4,
    known: () => ({ living: [seenRun('a'), seenRun('b')], readAt: 0 }),
    clock: systemClock,
    logger: pino({ level: 'silent' }),
  });
}

it('keeps a run that has lost the database current by the word of one that has not, and says so of each', async () => {
  let bFollows = true;
  let lastOfB = systemClock.monotonic();
  const lost = systemClock.monotonic() - 60_000;
  const a = await run('a', () => lost);
  const b = await run('b', () => {
    if (bFollows) lastOfB = systemClock.monotonic();
    return lastOfB;
  });
  await until('a to be current', () => a.isCurrent() || undefined);
  const word = async (name: string) => parseWord(await redis.command('HGET', KEY, name));
  expect(await word('a')).toMatchObject({ kind: 'lost', position: 5 });
  const said = await word('b');
  expect(said).toMatchObject({ kind: 'follows', position: 5 });
  expect(said?.saidAt).toBeGreaterThan(Date.now() - 10_000);
  expect(said?.asOf).toBeLessThanOrEqual(said?.saidAt ?? 0);
  bFollows = false;
  await until('b to say that it lost it', async () => (await word('b'))?.kind === 'lost' || undefined);
  await until('a to be current by what nobody can change', () => a.isCurrent() || undefined);
  await b.close();
  expect(await word('b')).toMatchObject({ kind: 'gone' });
  await a.close();
  await expect(a.committed(6)).resolves.toBeUndefined();
});
