/** Promises 2 and 3 of a cluster: caps hold as the upstream saw them, and quotas to the request, whatever happens to Redis. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendOne } from '../support/cluster/load.js';
import { addClusterTokens, createMember } from '../support/cluster/member.js';
import { startCluster } from '../support/cluster.js';
import { until } from '../support/until.js';

const RPM = 20;
const TOKENS = 3;
const QUOTA = 25;
let cluster;
let member;
let frugal;
beforeAll(async () => {
  cluster = await startCluster({ nodes: 2, env: { TOKEN_RPM_LIMIT: String(RPM), TOKEN_MAX_CONCURRENT: '2' } });
  await addClusterTokens(cluster, TOKENS);
  member = await createMember(cluster, 'eager');
  frugal = await createMember(cluster, 'frugal', QUOTA);
});
afterAll(() => cluster?.stop());
async function all(status) {
  for (const node of cluster.nodes) {
    await until(`${node.name} to be ${status}`, async () => ((await node.health()).body['status'] === status ? true : undefined), 60_000);
  }
}
/** So many at once, then so many again where the pool was only busy, until nothing more gets through. */
async function press(key, parallel) {
  const results = [];
  for (let idle = 0; idle < 2; ) {
    const round = await Promise.all(Array.from({ length: parallel }, (_, i) => sendOne(cluster.url, key, `press ${results.length + i}`)));
    results.push(...round);
    idle = round.some((one) => one.whole) ? 0 : idle + 1;
  }
  return results;
}
async function expectCapsToHold() {
  const { credentials } = await cluster.sim.witness();
  for (const tally of Object.values(credentials)) {
    expect(tally.maxConcurrent).toBeLessThanOrEqual(2);
    expect(tally.maxPer60s).toBeLessThanOrEqual(RPM);
  }
}
describe('caps over two nodes', () => {
  it('let exactly a quota through, half of it before Redis comes back empty and half of it after', async () => {
    for (let i = 0; i < 10; i += 1) expect((await sendOne(cluster.url, frugal.key, `before ${i}`)).whole).toBe(true);
    await cluster.redis.kill();
    cluster.redis.empty();
    await cluster.redis.start();
    await all('healthy');
    const after = await press(frugal.key, 10);
    expect(after.filter((one) => one.whole)).toHaveLength(QUOTA - 10);
    expect(after.filter((one) => !one.whole).map((one) => one.code)).toContain('quota_exceeded');
    for (const node of cluster.nodes) expect(await frugal.usedToday(node.url)).toBe(QUOTA);
    await expectCapsToHold();
  });
  it('fill every window to its brim and no further', async () => {
    await press(member.key, 12);
    const { credentials, overall } = await cluster.sim.witness();
    expect(overall.requests).toBeLessThanOrEqual(RPM * TOKENS);
    expect(Object.values(credentials).map((tally) => tally.maxPer60s)).toEqual(Array.from({ length: TOKENS }, () => RPM));
    await expectCapsToHold();
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
});
