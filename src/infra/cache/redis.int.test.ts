import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../tests/support/until.js';
import { systemClock } from '../../shared/clock.js';
import { openRedis, type RedisConnection } from '../redis/connection.js';
import { startTestRedis, type TestRedis } from '../redis/testing/server.js';
import { cacheContract } from './contract.js';
import { createRedisCache } from './redis.js';

let server: TestRedis;
let redis: RedisConnection;
const logger = pino({ level: 'silent' });
beforeAll(async () => {
  server = await startTestRedis();
  redis = await openRedis({ url: server.url, name: 'test' });
});
beforeEach(async () => {
  await redis.command('FLUSHALL');
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

describe('the cache in Redis', () => {
  cacheContract(async () => ({
    cache: createRedisCache({ redis, clock: systemClock, logger }),
    async pass(ms) {
      // Redis expires by its own clock: wait until that has gone on.
      const now = async (): Promise<number> => {
        const [seconds, micros] = (await redis.command('TIME')) as string[];
        return Number(seconds) * 1_000 + Number(micros) / 1_000;
      };
      const end = (await now()) + ms;
      await until('the clock of Redis', async () => ((await now()) > end ? true : undefined));
    },
  }));

  it('is one for all nodes, under keys of its own', async () => {
    const [one, two] = [createRedisCache({ redis, clock: systemClock, logger }), createRedisCache({ redis, clock: systemClock, logger })];
    await one.set('k', Buffer.from('v'), 60_000);
    expect(await two.get('k')).toEqual(Buffer.from('v'));
    expect(await redis.command('KEYS', '*')).toEqual(['kirogate:cache:k']);
    await two.delete('k');
    expect(await one.get('k')).toBeUndefined();
  });

  it('keeps nothing for no time, and nothing that is too large, and then forgets what was there', async () => {
    const cache = createRedisCache({ redis, clock: systemClock, logger });
    await cache.set('k', Buffer.from('v'), 60_000);
    await cache.set('k', Buffer.from('w'), 0);
    expect(await cache.get('k')).toBeUndefined();
    await cache.set('k', Buffer.from('v'), 60_000);
    await cache.set('k', Buffer.alloc(1024 * 1024 + 1), 60_000);
    expect(await cache.get('k')).toBeUndefined();
  });

  it('does not believe what it did not write', async () => {
    const cache = createRedisCache({ redis, clock: systemClock, logger });
    await redis.command('SET', 'kirogate:cache:k', 'not base64!');
    await redis.command('HSET', 'kirogate:cache:h', 'a', 1);
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.get('h')).toBeUndefined();
  });

  it('reads on from a Redis that is full, and warns once', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const cache = createRedisCache({ redis, clock: systemClock, logger: log });
    await cache.set('k', Buffer.from('v'), 60_000);
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    for (let i = 0; i < 10; i += 1) {
      await cache.set('l', Buffer.from('w'), 60_000);
      expect(await cache.get('k')).toEqual(Buffer.from('v'));
    }
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await cache.set('l', Buffer.from('w'), 60_000);
    expect(await cache.get('l')).toEqual(Buffer.from('w'));
    expect(lines).toHaveLength(1);
  });

  it('answers without Redis, warns once for each outage, and is back with Redis', async () => {
    const lines: string[] = [];
    const state = { away: false, asked: 0, now: 0 };
    const cache = createRedisCache({
      redis: {
        isReady: () => true,
        command: (...call) => {
          state.asked += 1;
          return state.away ? Promise.reject(new Error('gone')) : redis.command(...call);
        },
      },
      clock: { now: () => 0, monotonic: () => state.now },
      logger: pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line).msg as string) }),
    });
    await cache.set('k', Buffer.from('v'), 60_000);
    for (let outage = 0; outage < 2; outage += 1) {
      state.away = true;
      state.asked = 0;
      for (let i = 0; i < 50; i += 1) {
        expect(await cache.get('k')).toBeUndefined();
        await cache.set('k', Buffer.from('w'), 60_000);
        await cache.delete('k');
        state.now += 100;
      }
      // Once a second, not once a call.
      expect(state.asked).toBe(5);
      state.away = false;
      state.now += 1_000;
      expect(await cache.get('k')).toEqual(Buffer.from('v'));
    }
    expect(lines.map((line) => line.split(';')[0])).toEqual([
      'the shared cache is out of reach',
      'the shared cache is back',
      'the shared cache is out of reach',
      'the shared cache is back',
    ]);
  });
});
