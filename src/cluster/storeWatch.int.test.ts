/** Nodes that share a database and lose their real Redis: all of them, or one alone. */
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../tests/support/until.js';
import { openTestDatabase, type TestDatabase } from '../infra/database/testing/engines.js';
import { openRedis } from '../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import { systemClock } from '../shared/clock.js';
import { startLifeSign } from './lifeSign.js';
import { readRoll } from './nodeRun.js';
import { type RedisProbe, startRedisProbe } from './redisProbe.js';
import type { StoreState } from './stores.js';
import { type StoreEvent, type StoreWatch, startStoreWatch } from './storeWatch.js';

const logger = pino({ level: 'silent' });
const ends: (() => Promise<void>)[] = [];
let store: TestDatabase;
beforeEach(async () => {
  store = await openTestDatabase('sqlite');
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await store.end();
});

async function server(): Promise<TestRedis> {
  const redis = await startTestRedis();
  ends.push(redis.stop);
  return redis;
}

async function probeOf(url: string): Promise<RedisProbe> {
  const redis = await openRedis({ url, name: 'test' });
  const probe = startRedisProbe({ redis, clock: systemClock });
  ends.push(async () => {
    probe.close();
    await redis.close();
  });
  return probe;
}

async function node(runId: string, url: string) {
  const probe = await probeOf(url);
  const common = { runId, nodeId: runId, clock: systemClock, logger };
  let watch: StoreWatch | undefined;
  const lifeSign = await startLifeSign({
    ...common,
    db: await store.another(),
    version: '0',
    redisUp: () => probe.up(),
    health: () => watch?.state().health ?? 'healthy',
    load: () => ({ connections: 0, requestsLastMinute: 0 }),
  });
  const events: StoreEvent[] = [];
  const states: StoreState[] = [];
  watch = startStoreWatch({
    ...common,
    probe,
    lifeSign,
    addresses: { redis: 'r', postgres: 'p' },
    record: async (event) => void events.push(event),
  });
  watch.onChange((state) => states.push(state));
  ends.push(async () => {
    await watch?.close();
    await lifeSign.close();
  });
  return { watch, events, states };
}

describe('a Redis that', () => {
  it('is frozen counts as lost after 2 s, and as back with its first answer', async () => {
    const redis = await server();
    const probe = await probeOf(redis.url);
    process.kill(redis.pid, 'SIGSTOP');
    const stopped = systemClock.monotonic();
    await until('the loss', () => (probe.up() ? undefined : true));
    expect(systemClock.monotonic() - stopped).toBeGreaterThan(1_000);
    process.kill(redis.pid, 'SIGCONT');
    await until('the return', () => (probe.up() ? true : undefined));
  });

  it.each<readonly [string, [string, ...string[]], [string, ...string[]], RegExp]>([
    ['is full', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0'], /^OOM /],
    ['has become a replica', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE'], /^READONLY /],
    ['forbids a command', ['ACL', 'SETUSER', 'default', '-xadd'], ['ACL', 'SETUSER', 'default', '+xadd'], /can't run this command/],
  ])('answers and %s counts as lost, and says why, until it takes writes again', async (_name, harm, mend, words) => {
    const redis = await server();
    const { watch, events } = await node('a', redis.url);
    const control = await openRedis({ url: redis.url, name: 'control' });
    ends.push(() => control.close());
    await control.command(...harm);
    await until('the loss', () => (watch.state().redis === 'disconnected' ? true : undefined));
    expect(watch.state().health).toBe('degraded');
    const { data } = await until('the event', () => events[0]);
    expect('message' in data && data.message?.replace('r takes no writes: ', '')).toMatch(words);
    await control.command(...mend);
    await until('the return', () => (watch.state().redis === 'connected' ? true : undefined));
    const left = (await control.command('KEYS', '*')) as readonly string[];
    expect(left).toEqual([]);
  });

  it('all nodes lose leaves them degraded, and none is cut off', async () => {
    const redis = await server();
    const nodes = [await node('a', redis.url), await node('b', redis.url)];
    await redis.stop();
    for (const { watch } of nodes) await until('the loss', () => (watch.state().redis === 'disconnected' ? true : undefined));
    // What they say of themselves has reached the other.
    const db = await store.another();
    await until('both to say so', async () =>
      (await readRoll(db)).runs.every(({ redisUp, health }) => !redisUp && health === 'degraded') ? true : undefined,
    );
    for (const { states, events } of nodes) {
      expect(states.map(({ cutOff }) => cutOff)).toEqual([false]);
      expect(states.map(({ health }) => health)).toEqual(['degraded']);
      await until('the event', () => events[0]);
      expect(events).toMatchObject([{ type: 'kirogate.store.lost', store: 'redis' }]);
    }
  });

  it('one node loses alone cuts that node off; it serves again when the others have lost theirs too', async () => {
    const [mine, theirs] = [await server(), await server()];
    const alone = await node('alone', mine.url);
    const other = await node('other', theirs.url);
    await mine.stop();
    await until('the cut', () => (alone.watch.state().cutOff ? true : undefined));
    expect(alone.watch.state().health).toBe('unhealthy');
    expect(other.watch.state().health).toBe('healthy');
    await theirs.stop();
    await until('the service to go on', () => (alone.watch.state().health === 'degraded' ? true : undefined));
    expect(alone.watch.state().cutOff).toBe(false);
  });
});
