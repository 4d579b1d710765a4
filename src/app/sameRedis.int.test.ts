import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeSign } from '../cluster/lifeSignStore.js';
import { ConfigError } from '../config.js';
import { StoreUnreachable } from '../errors.js';
import { type Database, sql } from '../infra/database/port.js';
import { openTestDatabase, type TestDatabase } from '../infra/database/testing/engines.js';
import { openRedis, type RedisConnection } from '../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import { createTestClock } from '../limits/testing/fixtures.js';
import { checkSameRedis, type SameRedisDeps, startRedisSign } from './sameRedis.js';

describe('the Redis of a node that starts', () => {
  let server: TestRedis;
  let shared: RedisConnection;
  let foreign: RedisConnection;
  let store: TestDatabase;
  let db: Database;
  const signs: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    server = await startTestRedis();
    shared = await openRedis({ url: `${server.url}/0`, name: 'test', logger: pino({ level: 'silent' }) });
    foreign = await openRedis({ url: `${server.url}/5`, name: 'test' });
  });
  afterAll(async () => {
    await Promise.all([shared.close(), foreign.close()]);
    await server.stop();
  });
  beforeEach(async () => {
    store = await openTestDatabase('sqlite');
    db = store.db;
  });
  afterEach(async () => {
    for (const sign of signs.splice(0)) await sign.close();
    await shared.command('FLUSHALL');
    await store.end();
  });

  const row = async (runId: string, redisUp = true): Promise<void> => {
    const idle = {
      health: 'healthy',
      connections: 0,
      requestsLastMinute: 0,
      leader: false,
      settings: '{}',
      settingsPosition: null,
    } as const;
    await writeSign(db, { runId, nodeId: `node-${runId}`, version: '1', redisUp, ...idle }, null);
  };
  const sign = async (runId: string, redis = shared): Promise<void> => void signs.push(await startRedisSign({ redis, runId }));
  /** `between`: what happens between two looks, given how many ms have gone by. */
  const check = async (over: Partial<SameRedisDeps> = {}, between: (ms: number) => Promise<unknown> = async () => undefined) => {
    const clock = createTestClock();
    let waited = 0;
    const pause = async (ms: number): Promise<void> => {
      clock.advance(ms);
      waited += ms;
      await between(waited);
    };
    const signal = new AbortController().signal;
    const deps = { db, redis: shared, runId: 'own', nodeId: 'node-own', address: '127.0.0.1:6379/0', clock, signal, pause, ...over };
    await checkSameRedis(deps);
    return waited;
  };
  const faults = async (over: Partial<SameRedisDeps>, between?: (ms: number) => Promise<unknown>): Promise<readonly string[]> => {
    const error = await check(over, between).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).faults;
  };

  it('is as good as any where nobody else lives, or nobody else reaches Redis', async () => {
    expect(await check()).toBe(0);
    await row('a', false);
    expect(await check()).toBe(0);
  });

  it('is that of the others where one of them left its sign', async () => {
    await row('a');
    await row('b');
    await sign('b');
    expect(await check()).toBe(0);
  });

  it('is refused by name when the others live and leave no sign there', async () => {
    await row('a');
    await row('b');
    await sign('a');
    await sign('b');
    const [fault] = await faults({ redis: foreign, address: '127.0.0.1:6379/5' });
    expect(fault).toMatch(/REDIS_URL.*127\.0\.0\.1:6379\/5.*node-a, node-b.*same database number/);
    expect(await foreign.command('DBSIZE')).toBe(0);
  });

  it('is waited for when it was emptied a moment ago', async () => {
    await row('a');
    expect(await check({}, async (ms) => ms === 10_000 && sign('a'))).toBe(10_000);
  });

  it('is not compared with that of runs that were killed', async () => {
    await row('a');
    await db.query(sql`update node_runs set seen_at = seen_at - ${8_000}`);
    const dies = (ms: number) => (ms < 14_000 ? Promise.resolve() : db.query(sql`update node_runs set seen_at = seen_at - ${20_000}`));
    expect(await check({}, dies)).toBe(14_000);
  });

  it('is only asked of the later of two that start at once', async () => {
    await row('own');
    await row('a');
    await db.query(sql`update node_runs set started_at = started_at + 60000 where run_id = ${'a'}`);
    expect(await check({ redis: foreign })).toBe(0);
    await db.query(sql`update node_runs set started_at = started_at - 120000 where run_id = ${'a'}`);
    expect(await faults({ redis: foreign })).toHaveLength(1);
  });

  it('is tried again when it does not answer', async () => {
    await row('a');
    const lost = { command: () => Promise.reject(new Error('Connection is closed.')) };
    await expect(check({ redis: lost })).rejects.toThrow(StoreUnreachable);
  });

  it('keeps a sign as long as its run, also when it is full, and loses it in order', async () => {
    let turn = (): void => undefined;
    const given = await startRedisSign({
      redis: shared,
      runId: 'a',
      every: (_ms, run) => {
        turn = run;
        return () => undefined;
      },
    });
    await shared.command('PEXPIRE', 'kirogate:runs:a', 5_000);
    await shared.command('CONFIG', 'SET', 'maxmemory', '1');
    turn();
    expect(await shared.command('PTTL', 'kirogate:runs:a')).toBeGreaterThan(20_000);
    await shared.command('CONFIG', 'SET', 'maxmemory', '0');
    await given.close();
    expect(await shared.command('EXISTS', 'kirogate:runs:a')).toBe(0);
  });
});
