/** Promises 2 and 3 of a cluster: caps hold as the upstream saw them, and quotas to the request, whatever happens to Redis. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientResult, sendOne } from '../support/cluster/load.js';
import { addClusterTokens, type ClusterMember, createMember } from '../support/cluster/member.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { until } from '../support/until.js';

const caps = { concurrent: 2, perMinute: 10, perHour: 20 };
const TOKENS = 5;
const QUOTA = 50;

let cluster: Cluster;
let member: ClusterMember;

beforeAll(async () => {
  const { concurrent, perMinute, perHour } = caps;
  cluster = await startCluster({
    nodes: 3,
    env: { TOKEN_MAX_CONCURRENT: `${concurrent}`, TOKEN_RPM_LIMIT: `${perMinute}`, TOKEN_RPH_LIMIT: `${perHour}` },
  });
  await addClusterTokens(cluster, TOKENS);
  member = await createMember(cluster, 'eager');
});
afterAll(() => cluster?.stop());

async function all(status: string): Promise<void> {
  for (const node of cluster.nodes) {
    await until(`${node.name} to be ${status}`, async () => ((await node.health()).body['status'] === status ? true : undefined), 60_000);
  }
}

/** So many at once, to the nodes by turns. */
async function burst(key: string, parallel: number, text: string): Promise<ClientResult[]> {
  const sent: Promise<ClientResult>[] = [];
  for (let i = 0; i < parallel; i += 1) {
    sent.push(sendOne(cluster.node(i % 3).url, key, `${text} ${i}`));
    // The nodes' wires to their stores run in this process: they need their turn, or the stores are lost.
    if (i % 20 === 19) await nextTurn();
  }
  return Promise.all(sent);
}

/** Bursts, where the pool was only busy, until nothing more gets through. */
async function press(key: string, parallel: number): Promise<ClientResult[]> {
  const results: ClientResult[] = [];
  for (let idle = 0; idle < 2; ) {
    const round = await burst(key, parallel, `press ${results.length}`);
    results.push(...round);
    idle = round.some((one) => one.whole) ? 0 : idle + 1;
  }
  return results;
}

const tallies = async () => Object.values((await cluster.sim.witness()).credentials);
const counts = async (): Promise<number[]> => (await tallies()).map((tally) => tally.requests);
const brim = (most: number): number[] => Array.from({ length: TOKENS }, () => most);
const wholes = (results: readonly ClientResult[]): number => results.filter((one) => one.whole).length;

async function expectCapsToHold(): Promise<void> {
  for (const tally of await tallies()) {
    expect(tally.maxConcurrent).toBeLessThanOrEqual(caps.concurrent);
    expect(tally.maxPer60s).toBeLessThanOrEqual(caps.perMinute);
    expect(tally.maxPer3600s).toBeLessThanOrEqual(caps.perHour);
  }
}

describe('caps over three nodes', () => {
  it('hold in a burst of 500 parallel requests over 5 tokens, and are filled to their brim and no further', async () => {
    const results = await burst(member.key, 500, '[[sim delay 30]] burst');
    expect(results.map((one) => one.code)).toContain('pool_exhausted');
    await expectCapsToHold();
    expect((await counts()).reduce((sum, n) => sum + n, 0)).toBe(wholes(results));
    await all('healthy');
    await press(member.key, 12);
    await expectCapsToHold();
    expect((await tallies()).map((tally) => tally.maxPer60s)).toEqual(brim(caps.perMinute));
  });

  it('hold while Redis is lost by all, and when it is set back to a time before the windows were full', async () => {
    const early = await cluster.redis.copy();
    await cluster.redis.kill();
    await all('degraded');
    await press(member.key, 12);
    await expectCapsToHold();
    cluster.redis.putBack(early);
    await cluster.redis.start();
    await all('healthy');
    await press(member.key, 12);
    await expectCapsToHold();
  });

  it('hold when Redis is emptied under a node that does not see it happen', async () => {
    await cluster.redis.command('FLUSHALL');
    await press(member.key, 12);
    await expectCapsToHold();
  });

  it('hold for calls at once and for the hour, to their brim, when the minute no longer binds', async () => {
    await cluster.admin.put('/admin/api/config', { token_rpm_limit: 10_000 });
    await until('the new limit', async () => (await sendOne(cluster.url, member.key, 'more?')).whole || undefined);
    const held = burst(member.key, 40, '[[sim hold]] at once');
    await until('no slot to be free', async () => (await tallies()).every(({ inFlight }) => inFlight === caps.concurrent) || undefined);
    await cluster.sim.release();
    expect(wholes(await held)).toBe(caps.concurrent * TOKENS);
    const hours = async (): Promise<number[]> => (await tallies()).map((tally) => tally.maxPer3600s);
    await until('the hours to be full', async () => {
      await burst(member.key, 100, '[[sim delay 30]] hour');
      return (await hours()).every((most) => most >= caps.perHour) || undefined;
    });
    await press(member.key, 12);
    expect(await hours()).toEqual(brim(caps.perHour));
    for (const tally of await tallies()) expect(tally.maxConcurrent).toBe(caps.concurrent);
  });
});

describe('three nodes whose caps leave room', () => {
  let probe: ClusterMember;

  beforeAll(async () => {
    probe = await createMember(cluster, 'probe');
    await cluster.admin.put('/admin/api/config', { token_rph_limit: 100_000, token_max_concurrent: 100 });
    await until('room', async () => wholes(await burst(probe.key, TOKENS, 'room?')) === TOKENS || undefined);
  });

  it('spread 40 new conversations over 5 equal tokens, 8 ± 2 each', async () => {
    const before = await counts();
    expect(wholes(await burst(member.key, 40, '[[sim delay 20]] conversation'))).toBe(40);
    const spread = (await counts()).map((count, i) => count - (before[i] ?? 0));
    expect(spread.reduce((sum, n) => sum + n, 0)).toBe(40);
    for (const count of spread) expect(Math.abs(count - 8)).toBeLessThanOrEqual(2);
  });

  it('let 300 parallel requests on a quota of 50 reach the upstream exactly 50 times', async () => {
    const frugal = await createMember(cluster, 'frugal', QUOTA);
    const before = (await cluster.sim.witness()).overall.requests;
    const results = await burst(frugal.key, 300, 'quota');
    expect(wholes(results)).toBe(QUOTA);
    expect(results.map((one) => one.code)).toContain('quota_exceeded');
    expect((await cluster.sim.witness()).overall.requests - before).toBe(QUOTA);
    for (const node of cluster.nodes) expect(await frugal.usedToday(node.url)).toBe(QUOTA);
  });

  it('let exactly a quota through, half of it before Redis comes back empty and half of it after', async () => {
    const thrifty = await createMember(cluster, 'thrifty', QUOTA);
    const before = (await cluster.sim.witness()).overall.requests;
    expect(wholes(await burst(thrifty.key, QUOTA / 2, 'before'))).toBe(QUOTA / 2);
    await cluster.redis.kill();
    cluster.redis.empty();
    await cluster.redis.start();
    await all('healthy');
    const after = await press(thrifty.key, 12);
    expect(wholes(after)).toBe(QUOTA / 2);
    expect(after.filter((one) => !one.whole).map((one) => one.code)).toContain('quota_exceeded');
    expect((await cluster.sim.witness()).overall.requests - before).toBe(QUOTA);
    for (const node of cluster.nodes) expect(await thrifty.usedToday(node.url)).toBe(QUOTA);
  });
});
