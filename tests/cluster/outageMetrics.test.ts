/** While stores are away, the series that alert rules take their rates of go on; once they are back, the totals have what was refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { picked, readRules, type Sample, samplesOf, sumOf, usesOf } from '../deploy/queries.js';
import { addClusterTokens, type ClusterMember, createMember } from '../support/cluster/member.js';
import type { ClusterNode } from '../support/cluster/node.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { ask, codeOf } from '../support/traffic.js';
import { until } from '../support/until.js';

let cluster: Cluster;
let member: ClusterMember;
let refusals = 0;

beforeAll(async () => {
  cluster = await startCluster({ nodes: 2 });
  await addClusterTokens(cluster, 1);
  member = await createMember(cluster, 'ada');
});
afterAll(() => cluster?.stop());

const node = (): ClusterNode => cluster.node(0);
const scrape = async ({ url }: ClusterNode): Promise<Sample[]> => samplesOf(await (await fetch(`${url}/metrics`)).text());
const answeredWith = (samples: Sample[], code: string): number =>
  sumOf(picked(samples, { metric: 'kirogate_node_requests_total', matchers: [is('code', code)] }));
const refusedOf = (samples: Sample[]): number =>
  sumOf(picked(samples, { metric: 'kirogate_errors_total', matchers: [is('type', 'storage_unavailable')] }));
const totalOf = (samples: Sample[]): number => sumOf(picked(samples, { metric: 'kirogate_requests_total', matchers: [] }));
const is = (label: string, value: string) => ({ label, by: '=' as const, value });

/** What a rule sees of one scrape: the sum over each metric that it names. */
function seenBy(alert: string, samples: readonly Sample[]): number[] {
  const rule = readRules().find((one) => one.alert === alert);
  if (rule === undefined) throw new Error(`there is no rule ${alert}`);
  return usesOf(rule.expr).map((use) => sumOf(picked(samples, use)));
}

async function statusOfOne(): Promise<number> {
  const response = await ask(node().url, member.key, 'hello');
  if (response.status === 503) {
    expect(await codeOf(response)).toBe('storage_unavailable');
    refusals += 1;
  } else await response.text();
  return response.status;
}

async function healthy(): Promise<void> {
  for (const one of cluster.nodes) {
    await until(`${one.name} to be healthy`, async () => ((await one.health()).body['status'] === 'healthy' ? true : undefined), 60_000);
  }
}

describe('an outage as the metrics tell it', () => {
  it('of PostgreSQL alone: totals stand still, what the node itself serves is counted', async () => {
    expect(await statusOfOne()).toBe(200);
    const before = await until('the request in the totals', async () => {
      const samples = await scrape(node());
      return totalOf(samples) === 1 ? samples : undefined;
    });
    for (const { postgres } of cluster.nodes) postgres?.pause();
    for (let i = 0; i < 5; i += 1) expect(await statusOfOne()).toBe(200);
    const during = await scrape(node());
    expect(totalOf(during)).toBe(totalOf(before));
    expect(answeredWith(during, 'none') - answeredWith(before, 'none')).toBe(5);
    const [, answered = 0] = seenBy('KiroGateServerErrors', during);
    expect(answered).toBe(6);
  });

  it('of both stores: what the rules watch rises while it lasts, by every request that was refused', async () => {
    const before = await scrape(node());
    expect(refusedOf(before)).toBe(0);
    for (const { redis } of cluster.nodes) redis?.pause();
    await until('a refusal', async () => ((await statusOfOne()) === 503 ? true : undefined), 60_000);
    // Each is held for 3 s.
    expect(await Promise.all(Array.from({ length: 6 }, statusOfOne))).toEqual(Array(6).fill(503));
    const during = await scrape(node());
    expect(seenBy('KiroGateStorageRefuses', before)).toEqual([0]);
    expect(seenBy('KiroGateStorageRefuses', during)).toEqual([refusals]);
    expect(seenBy('KiroGateServerErrors', during)[0]).toBe(refusals);
    expect(seenBy('KiroGateStoreDown', during)).toEqual([0]);
    expect(refusedOf(during)).toBe(0);
  });

  it('that is over: every node’s totals, the metrics of the panel and the member’s own have the refusals', async () => {
    for (const { redis, postgres } of cluster.nodes) {
      redis?.resume();
      postgres?.resume();
    }
    await healthy();
    // What it has counted since the first of them is told within a minute, or when it stops.
    await node().stop();
    const other = cluster.node(1);
    await until('the refusals in the totals', async () => (refusedOf(await scrape(other)) === refusals ? true : undefined), 30_000);
    const metrics = await other.admin.get<{ byStatus: Record<string, number>; byErrorType: Record<string, number>; totalRequests: number }>(
      '/admin/api/metrics',
    );
    expect(metrics.byErrorType).toEqual({ storage_unavailable: refusals });
    expect(metrics.byStatus).toMatchObject({ 503: refusals });
    expect(metrics.byStatus['200']).toBe(metrics.totalRequests - refusals);
    const own = (await (await member.get(other.url, '/user/api/stats')).json()) as { totalRequests: number };
    expect(own.totalRequests).toBe(metrics.totalRequests);
  });
});
