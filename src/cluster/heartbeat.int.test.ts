/** The overview of the nodes over a real Redis, with runs as the database would tell them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openRedis, type RedisConnection } from '../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import { type Beat, type Heartbeat, startHeartbeat } from './heartbeat.js';
import type { NodeRun } from './nodeRun.js';
import { createHandTimers } from './testing/kit.js';

let server: TestRedis;
let redis: RedisConnection;
const beats: Heartbeat[] = [];
beforeAll(async () => {
  server = await startTestRedis();
  redis = await openRedis({ url: server.url, name: 'test' });
});
afterEach(async () => {
  for (const beat of beats.splice(0)) await beat.close();
  await redis.command('FLUSHALL');
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

const run = (nodeId: string, over: Partial<NodeRun> = {}): NodeRun => ({
  ...{ runId: `run-${nodeId}`, nodeId, version: '1', startedAt: 1_000, seenAt: 50_000, seenAgoMs: 0, redisUp: true, health: 'healthy' },
  ...{ connections: 5, requestsLastMinute: 6, leader: false, settings: '{}', settingsPosition: null, stale: false },
  ...over,
});
const beat = (nodeId: string, over: Partial<Beat> = {}): Beat => ({
  ...{ runId: `run-${nodeId}`, version: '1', startedAt: 1_000, health: 'healthy', connections: 7, requestsLastMinute: 8, leader: true },
  ...over,
});
const away: Pick<RedisConnection, 'command' | 'run'> = {
  command: () => Promise.reject(new Error('away')),
  run: () => Promise.reject(new Error('away')),
};

async function node(nodeId: string, runs: NodeRun[], over: Partial<Beat> = {}, store = redis): Promise<Heartbeat> {
  const heartbeat = startHeartbeat({
    redis: store,
    nodeId,
    beat: () => beat(nodeId, over),
    lifeSign: { runs: async () => runs },
    every: createHandTimers().every,
  });
  await heartbeat.tell();
  beats.push(heartbeat);
  return heartbeat;
}

describe('the heartbeat', () => {
  it('is a record of 30 s under the name of the node, gone when it stops', async () => {
    const a = await node('a', []);
    const ttl = Number(await redis.command('PTTL', 'kirogate:nodes:a'));
    expect(ttl).toBeGreaterThan(25_000);
    expect(ttl).toBeLessThanOrEqual(30_000);
    expect(JSON.parse(String(await redis.command('GET', 'kirogate:nodes:a')))).toEqual(beat('a'));
    await a.close();
    expect(await redis.command('KEYS', '*')).toEqual([]);
  });

  it('lists no node that fell silent', async () => {
    await redis.command('ZADD', 'kirogate:nodes', 1, 'old');
    const a = await node('a', []);
    expect((await a.nodes()).map(({ id }) => id)).toEqual(['a']);
    expect(await redis.command('ZRANGE', 'kirogate:nodes', 0, -1)).toEqual(['a']);
  });
});

describe('the overview of the nodes', () => {
  it('takes the figures of the database, and shows who died as unhealthy', async () => {
    const a = await node('a', [run('a', { leader: true }), run('dead', { seenAgoMs: 15_001, startedAt: 500, leader: true })]);
    expect(await a.nodes()).toEqual([
      { id: 'dead', healthy: false, startedAt: 500, connections: 0, requestsLastMinute: 0, leader: false, settingsPosition: null },
      { id: 'a', healthy: true, startedAt: 1_000, connections: 5, requestsLastMinute: 6, leader: true, settingsPosition: null },
    ]);
  });

  it('shows a node that is cut off as unhealthy, and one that is degraded like the rest as healthy', async () => {
    const a = await node('a', [run('a', { health: 'degraded' }), run('b', { health: 'unhealthy' })]);
    expect((await a.nodes()).map(({ id, healthy }) => [id, healthy])).toEqual([
      ['a', true],
      ['b', false],
    ]);
  });

  it('shows of a node that started again its newest run', async () => {
    const a = await node('a', [
      run('a'),
      run('b', { startedAt: 9_000 }),
      run('b', { startedAt: 500, seenAgoMs: 20_000, runId: 'earlier' }),
    ]);
    expect((await a.nodes()).find(({ id }) => id === 'b')).toMatchObject({ healthy: true, startedAt: 9_000 });
  });

  it('asks Redis where the database is lost', async () => {
    await node('b', [], { connections: 70 });
    const stale = { stale: true };
    const a = await node('a', [run('a', stale), run('b', stale), run('c', stale)]);
    expect(await a.nodes()).toMatchObject([
      { id: 'a', healthy: true, connections: 7 },
      { id: 'b', healthy: true, connections: 70 },
      { id: 'c', healthy: false },
    ]);
  });

  it('does without Redis', async () => {
    const a = await node('a', [run('a'), run('b')], {}, { ...redis, ...away });
    expect((await a.nodes()).map(({ id, healthy }) => [id, healthy])).toEqual([
      ['a', true],
      ['b', true],
    ]);
  });

  it('shows at least itself when nobody can be asked', async () => {
    const a = await node('a', [], { health: 'unhealthy' }, { ...redis, ...away });
    expect(await a.nodes()).toMatchObject([{ id: 'a', healthy: false, connections: 7 }]);
  });

  it('passes over records that are not a heartbeat', async () => {
    const a = await node('a', []);
    await redis.command('ZADD', 'kirogate:nodes', Date.now(), 'x', Date.now(), 'y', Date.now(), 'z');
    await redis.command('SET', 'kirogate:nodes:x', '{"runId":1}');
    await redis.command('SET', 'kirogate:nodes:y', 'no json');
    expect((await a.nodes()).map(({ id }) => id)).toEqual(['a']);
  });
});
