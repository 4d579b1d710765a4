/** The limits' home: opened, lost, moved, brought back, with quotas and caps as they were. */
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../tests/support/until.js';
import { createWitness, type HomeCluster, type HomeNode, startHomeCluster } from './testing/homeNodes.js';

let cluster: HomeCluster | undefined;
afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

const quota = { daily: 10, monthly: 100 };

async function start(names: readonly string[], settings: readonly string[] = []) {
  const started = await startHomeCluster(undefined, settings);
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
