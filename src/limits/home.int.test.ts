/** The limits' home: opened, lost, moved, brought back, with quotas and caps as they were. */
import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../tests/support/until.js';
import { sql } from '../infra/database/port.js';
import { openRedis } from '../infra/redis/connection.js';
import { admitRequest } from './testing/fixtures.js';
import { createWitness, type HomeCluster, type HomeNode, startHomeCluster, testTimings } from './testing/homeNodes.js';

let cluster: HomeCluster | undefined;
afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

const quota = { daily: 10, monthly: 100 };

async function start(names: readonly string[], settings: readonly string[] = []) {
  const started = await startHomeCluster(settings);
  cluster = started;
  const nodes: HomeNode[] = [];
  for (const name of names) nodes.push(await started.node(name));
  return { cluster: started, nodes, witness: createWitness(started.archive) };
}

const livesIn = (nodes: readonly HomeNode[], home: 'redis' | 'database', after = -1) =>
  until(`the limits in ${home}`, () =>
    nodes.every(({ limits }) => limits.state().open && limits.state().home === home && limits.state().term > after) ? true : undefined,
  );

describe('the limits of a cluster', () => {
  it('open in Redis, and let exactly N through over all nodes', async () => {
    const { nodes, witness } = await start(['a', 'b']);
    await livesIn(nodes, 'redis');
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => witness.serve(nodes[i % 2] as HomeNode, `${i}`, { quota })));
    expect(answers.filter((answer) => answer.startsWith('t'))).toHaveLength(10);
  });

  it('move to the database when Redis is lost, and back, and forget no charge and no running call', async () => {
    const { cluster, nodes, witness } = await start(['a', 'b']);
    cluster.pool.settings = { ...cluster.pool.settings, tokenMaxConcurrent: 1 };
    cluster.pool.tokens.splice(1);
    const [a, b] = nodes as [HomeNode, HomeNode];
    await livesIn(nodes, 'redis');
    for (const { limits } of nodes) limits.configure(cluster.pool.settings);
    await Promise.all(['t2', 't3'].map((id) => a.limits.removeToken(id, 9)));
    for (let i = 0; i < 3; i += 1) expect(await witness.serve(a, `x${i}`, { quota })).toBe('t1');
    cluster.archive.settle();
    for (let i = 0; i < 2; i += 1) expect(await witness.serve(b, `y${i}`, { quota })).toBe('t1');
    let release = (): void => undefined;
    const held = witness.serve(b, 'held', { quota }, { hold: new Promise((resolve) => (release = resolve)) });
    await until('the held call', async () => ((await a.limits.tokenUse(['t1']))[0]?.concurrency === 1 ? true : undefined));

    await cluster.server.kill();
    await livesIn(nodes, 'database');
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 6 });
    expect((await b.limits.tokenUse(['t1']))[0]).toMatchObject({ concurrency: 1, rpm: 6 });
    expect(await witness.serve(a, 'z0', { quota })).toBe('pool_exhausted');
    release();
    expect(await held).toBe('t1');
    expect(await witness.serve(a, 'z1', { quota })).toBe('t1');
    expect(await b.limits.userUse('user')).toMatchObject({ dayUsed: 7 });

    await cluster.server.restart();
    await livesIn(nodes, 'redis');
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 7 });
    expect((await b.limits.tokenUse(['t1']))[0]).toMatchObject({ concurrency: 0, rpm: 7 });
    for (let i = 0; i < 3; i += 1) expect(await witness.serve(b, `w${i}`, { quota })).toBe('t1');
    expect(await witness.serve(b, 'over', { quota })).toBe('quota_exceeded');
    expect(cluster.archive.charged('user')).toBe(10);
  });

  it('are put together again when Redis comes back empty before anyone missed it', async () => {
    const { cluster, nodes, witness } = await start(['a', 'b']);
    const [a, b] = nodes as [HomeNode, HomeNode];
    await livesIn(nodes, 'redis');
    for (let i = 0; i < 4; i += 1) expect(await witness.serve(a, `x${i}`, { quota })).toMatch(/^t/);
    const { term } = a.limits.state();
    await cluster.server.kill();
    await cluster.server.restart();
    await livesIn(nodes, 'redis', term);
    expect(await b.limits.userUse('user')).toMatchObject({ dayUsed: 4 });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => witness.serve(i % 2 ? a : b, `y${i}`, { quota })));
    expect(answers.filter((answer) => answer.startsWith('t'))).toHaveLength(6);
  });
});

describe('an admission that finds its home gone', () => {
  it('waits for the next one and is charged there, once, although its node has not heard of the move', async () => {
    const { cluster, nodes, witness } = await start(['a']);
    const b = await cluster.node('b', { timings: { ...testTimings, pollMs: 60_000, idleMs: 60_000 } });
    const [a] = nodes as [HomeNode];
    const both = [a, b];
    await livesIn(both, 'redis');
    await cluster.server.kill();
    await until('the limits in the database', async () => {
      await b.limits.look();
      return both.every(({ limits }) => limits.state().open && limits.state().home === 'database') ? true : undefined;
    });
    expect(await witness.serve(b, 'before', { quota })).toMatch(/^t/);
    await cluster.server.restart();
    await livesIn([a], 'redis');
    expect(b.limits.state()).toMatchObject({ home: 'database', open: true });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => witness.serve(b, `x${i}`, { quota })));
    expect(answers.filter((answer) => !answer.startsWith('t'))).toEqual([]);
    expect(b.limits.state()).toMatchObject({ home: 'redis', open: true });
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 9 });
  });

  it('waits until all was put together again, when Redis was emptied and never went away', async () => {
    const { cluster, nodes, witness } = await start(['a', 'b']);
    const [a, b] = nodes as [HomeNode, HomeNode];
    await livesIn(nodes, 'redis');
    for (let i = 0; i < 3; i += 1) expect(await witness.serve(a, `x${i}`, { quota })).toMatch(/^t/);
    const { term } = a.limits.state();
    const redis = await openRedis({ url: cluster.server.url, name: 'hand' });
    await redis.command('FLUSHALL');
    await redis.close();
    expect(await witness.serve(b, 'y', { quota })).toMatch(/^t/);
    await livesIn(nodes, 'redis', term);
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 4 });
  });
});

describe('a Redis that takes no writes', () => {
  it('keeps an admission waiting, which is made when it takes them again', async () => {
    const { cluster, nodes, witness } = await start(['a']);
    const [a] = nodes as [HomeNode];
    await livesIn(nodes, 'redis');
    const redis = await openRedis({ url: cluster.server.url, name: 'hand' });
    await redis.command('CONFIG', 'SET', 'maxmemory', '1mb');
    const answer = witness.serve(a, 'held', { quota });
    await until('a refusal', async () => String(await redis.command('INFO', 'errorstats')).includes('errorstat_OOM') || undefined);
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    expect(await answer).toMatch(/^t/);
    await redis.close();
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 1 });
  });
});

describe('a node of its own fate', () => {
  it('that alone has lost Redis admits nobody, and goes on where it was when it is back', async () => {
    const { nodes, witness } = await start(['a', 'b']);
    const [a, b] = nodes as [HomeNode, HomeNode];
    await livesIn(nodes, 'redis');
    expect(await witness.serve(b, '1', { quota })).toMatch(/^t/);
    const { term } = a.limits.state();
    b.cut(true);
    await until('the cut', () => (b.limits.state().cutOff ? true : undefined));
    await expect(b.limits.userUse('user')).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await witness.serve(b, '2', { quota })).toBe('storage_unavailable');
    expect(await witness.serve(a, '3', { quota })).toMatch(/^t/);
    b.cut(false);
    await livesIn(nodes, 'redis');
    expect(await witness.serve(b, '4', { quota })).toMatch(/^t/);
    expect(a.limits.state()).toMatchObject({ term, home: 'redis' });
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 3 });
  });

  it('that alone has lost Redis holds a request, and serves it if it is back in time', async () => {
    const { nodes, witness } = await start(['a', 'b']);
    const [, b] = nodes as [HomeNode, HomeNode];
    await livesIn(nodes, 'redis');
    b.cut(true);
    await until('the cut', () => (b.limits.state().cutOff ? true : undefined));
    const served = witness.serve(b, '1', { quota });
    b.cut(false);
    expect(await served).toMatch(/^t/);
  });

  it('goes on after its connection to Redis was cut while the database is lost, if nobody can have moved the limits', async () => {
    const { cluster, witness } = await start([]);
    let [isLost, isStill] = [false, false];
    const a = await cluster.node('a', { databaseLost: () => isLost, isHomeStill: () => isStill });
    await livesIn([a], 'redis');
    isLost = true;
    a.cutDatabase(true);
    a.cut(true);
    a.cut(false);
    expect(await witness.serve(a, 'unsure', { quota })).toBe('storage_unavailable');
    isStill = true;
    expect(await witness.serve(a, 'sure', { quota })).toMatch(/^t/);
    // It is another one now: only the database could tell where the limits live.
    const redis = await openRedis({ url: cluster.server.url, name: 'hand' });
    await redis.command('FLUSHALL');
    await redis.close();
    expect(await witness.serve(a, 'emptied', { quota })).toBe('storage_unavailable');
    [isLost, isStill] = [false, false];
    a.cutDatabase(false);
    await livesIn([a], 'redis');
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 1 });
  });

  it('that slept through a change finds its calls swept, its charges counted, and admits nobody in the old home', async () => {
    const { cluster, nodes, witness } = await start(['a', 'b']);
    const [a, b] = nodes as [HomeNode, HomeNode];
    await livesIn(nodes, 'redis');
    let release = (): void => undefined;
    const held = witness.serve(b, 'held', { quota }, { hold: new Promise((resolve) => (release = resolve)) });
    await until('the held call', async () => ((await a.limits.userUse('user')).dayUsed === 1 ? true : undefined));
    b.freeze();
    await cluster.server.kill();
    await livesIn([a], 'database');
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 0 });
    await cluster.server.restart();
    await livesIn([a], 'redis');
    expect(await witness.serve(a, '1', { quota })).toMatch(/^t/);
    b.thaw(20_000);
    release();
    expect(await held).toMatch(/^t/);
    await livesIn(nodes, 'redis');
    await until('the charge', async () => ((await a.limits.userUse('user')).dayUsed === 2 ? true : undefined));
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => witness.serve(i % 2 ? a : b, `y${i}`, { quota })));
    expect(answers.filter((answer) => answer.startsWith('t'))).toHaveLength(8);
  });

  it('that dies leaves its calls and open requests to the others, in the database as in Redis', async () => {
    const { cluster, nodes } = await start(['a', 'b']);
    const [a, b] = nodes as [HomeNode, HomeNode];
    await livesIn(nodes, 'redis');
    await cluster.server.kill();
    await livesIn(nodes, 'database');
    expect(await b.limits.admit(admitRequest('1', { quota }))).toMatchObject({ ok: true });
    await b.die();
    const [record] = await until('the record', async () => {
      const left = await a.limits.abandoned();
      return left.length > 0 ? left : undefined;
    });
    expect(record).toMatchObject({ requestId: 'request-1', terminalEventId: 'event-1' });
    await cluster.server.restart();
    await livesIn([a], 'redis');
    expect(await a.limits.abandoned()).toMatchObject([{ requestId: 'request-1' }]);
    for (const use of await a.limits.tokenUse(['t1', 't2', 't3'])) expect(use).toMatchObject({ concurrency: 0 });
    await a.limits.finish({ requestId: 'request-1', quota: 'keep' });
    expect(await a.limits.abandoned()).toEqual([]);
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 1 });
  });
});

describe('what a dead run held in a Redis that went away with it', () => {
  it('is found when Redis returns: its requests are ended by another run, its old keys go', async () => {
    const { cluster, nodes } = await start(['a', 'b'], ['--appendonly', 'yes', '--appendfsync', 'always']);
    const [a, b] = nodes as [HomeNode, HomeNode];
    await livesIn(nodes, 'redis');
    expect(await b.limits.admit(admitRequest('1', { quota }))).toMatchObject({ ok: true });
    await b.die();
    await cluster.server.kill();
    await livesIn([a], 'database');
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 0 });
    await cluster.server.restart();
    await livesIn([a], 'redis');
    const left = await until('the record', async () => {
      const found = await a.limits.abandoned();
      return found.length > 0 ? found : undefined;
    });
    expect(left).toMatchObject([{ requestId: 'request-1', terminalEventId: 'event-1' }]);
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 1 });
    const redis = await openRedis({ url: cluster.server.url, name: 'look' });
    await until('the old keys to go', async () => {
      const keys = (await redis.command('KEYS', 'kirogate:{limits}:0.*')) as readonly string[];
      return keys.length === 0 ? true : undefined;
    });
    await redis.close();
  });
});

describe('a run that dies together with Redis', () => {
  it('leaves in the windows what it had noted of its sends, archived or not, each once', async () => {
    const { cluster, nodes, witness } = await start(['a', 'b']);
    const [a, b] = nodes as [HomeNode, HomeNode];
    cluster.pool.tokens.splice(1);
    await livesIn(nodes, 'redis');
    await Promise.all(['t2', 't3'].map((id) => a.limits.removeToken(id, 9)));
    expect(await witness.serve(b, 'archived', { quota })).toBe('t1');
    cluster.archive.settle();
    for (let i = 0; i < 2; i += 1) expect(await witness.serve(b, `x${i}`, { quota })).toBe('t1');
    expect(await b.limits.admit(admitRequest('running', { quota }))).toMatchObject({ ok: true });
    await until('the note', async () => {
      const rows = await cluster.db.query<{ sends: string }>(sql`select sends from limits_sends where run_id = 'b'`);
      const ids = JSON.stringify(rows);
      return ['event-x0', 'event-x1', 'event-running'].every((id) => ids.includes(id)) || undefined;
    });
    await b.die();
    await cluster.server.kill();
    await livesIn([a], 'database');
    expect((await a.limits.tokenUse(['t1']))[0]).toMatchObject({ rpm: 4, rph: 4, concurrency: 0 });
  });
});

describe('what somebody had begun to fill for the same term', () => {
  it('goes when another one has opened it', async () => {
    const { cluster, nodes } = await start(['a']);
    const [a] = nodes as [HomeNode];
    await livesIn(nodes, 'redis');
    const redis = await openRedis({ url: cluster.server.url, name: 'look' });
    const { term } = a.limits.state();
    await redis.command('FLUSHALL');
    await redis.command('SET', `kirogate:{limits}:${term + 1}.halfway:user:x`, 'half');
    expect(await a.limits.admit(admitRequest('1', { quota }))).toMatchObject({ ok: true });
    expect(a.limits.state().term).toBe(term + 1);
    await until('the half-filled keys to go', async () => {
      const keys = (await redis.command('KEYS', 'kirogate:{limits}:*.halfway:*')) as readonly string[];
      return keys.length === 0 ? true : undefined;
    });
    await redis.close();
  });
});

describe('a settlement that comes while there is no home', () => {
  const attempt = { attemptId: 'attempt-1', outcome: 'token_failure', retryAfterMs: null, sent: true } as const;

  it('waits for the next one and gets its answer from there', async () => {
    const started = await startHomeCluster();
    cluster = started;
    const a = await started.node('a', { timings: { ...testTimings, lostAfterMs: 600 } });
    await livesIn([a], 'redis');
    await a.limits.admit(admitRequest('1', { quota }));
    await started.server.kill();
    const answers = await Promise.all([a.limits.settle(attempt), a.limits.finish({ requestId: 'request-1', quota: 'keep' })]);
    expect(answers).toMatchObject([{ consecutiveFails: 1 }, { warned: [] }]);
    expect(a.limits.state()).toMatchObject({ home: 'database', open: true });
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 1 });
  });

  it('is given up when the node stops', async () => {
    const started = await startHomeCluster();
    cluster = started;
    const a = await started.node('a', { timings: { ...testTimings, lostAfterMs: 60_000 } });
    await livesIn([a], 'redis');
    await a.limits.admit(admitRequest('1', { quota }));
    await started.server.kill();
    const settling = expect(a.limits.settle(attempt)).rejects.toMatchObject({ code: 'storage_unavailable' });
    await a.limits.close();
    await settling;
  });
});

describe('a Redis that comes back with what it was long ago', () => {
  it('is not believed', async () => {
    const { cluster, nodes, witness } = await start(['a', 'b'], ['--appendonly', 'yes', '--appendfsync', 'always']);
    const [a, b] = nodes as [HomeNode, HomeNode];
    await livesIn(nodes, 'redis');
    expect(await witness.serve(a, '1', { quota })).toMatch(/^t/);
    await cluster.server.kill();
    cpSync(join(cluster.server.dir, 'appendonlydir'), join(cluster.server.dir, 'old'), { recursive: true });
    await cluster.server.restart();
    await livesIn(nodes, 'redis', a.limits.state().term - 1);
    await until('the next term', () => (b.limits.state().term > 0 && b.limits.state().open ? true : undefined));
    for (let i = 0; i < 5; i += 1) expect(await witness.serve(b, `x${i}`, { quota })).toMatch(/^t/);
    const { term } = b.limits.state();
    await cluster.server.kill();
    rmSync(join(cluster.server.dir, 'appendonlydir'), { recursive: true });
    renameSync(join(cluster.server.dir, 'old'), join(cluster.server.dir, 'appendonlydir'));
    await cluster.server.restart();
    await livesIn(nodes, 'redis', term);
    expect(await a.limits.userUse('user')).toMatchObject({ dayUsed: 6 });
  });
});
