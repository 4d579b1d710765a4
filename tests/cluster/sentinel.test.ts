/** A cluster whose Redis is watched by sentinels: the primary dies under load, and the books still agree. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLoad } from '../support/cluster/load.js';
import { addClusterTokens, createMember } from '../support/cluster/member.js';
import { reconcile } from '../support/cluster/reconcile.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { until } from '../support/until.js';

const CAPS = { concurrent: 3, per60s: 10_000 };

let cluster: Cluster;
beforeAll(async () => {
  const env = { TOKEN_MAX_CONCURRENT: String(CAPS.concurrent), TOKEN_RPM_LIMIT: String(CAPS.per60s) };
  cluster = await startCluster({ sentinel: true, env });
});
afterAll(() => cluster?.stop());

describe('three nodes with Redis behind sentinels', () => {
  it('go on when the primary is killed: its replica takes over, nothing is lost or doubled', async () => {
    const { sentinel } = cluster;
    if (sentinel === undefined) throw new Error('this cluster has no sentinels');
    await addClusterTokens(cluster, 5);
    const member = await createMember(cluster, 'ada');
    const load = startLoad({ url: cluster.url, keys: [member.key], workers: 12 });
    const whole = (): number => load.results.filter((one) => one.whole).length;
    const more = async (count: number): Promise<void> => {
      const goal = whole() + count;
      await until(`${count} more replies`, () => (whole() >= goal ? true : undefined), 60_000);
    };
    await more(100);
    const old = await sentinel.primary();
    await old.kill();
    const next = await sentinel.primary();
    expect(next.port).not.toBe(old.port);
    await more(100);
    await old.start();
    const follows = async (): Promise<true | undefined> => {
      const role = await old.command('ROLE');
      return Array.isArray(role) && role[0] === 'slave' && role[3] === 'connected' ? true : undefined;
    };
    // The sentinels give one that is back some ten seconds to show what it thinks it is.
    await until('the old primary to follow the new one', follows, 60_000);
    for (const node of cluster.nodes) {
      await until(
        `${node.name} to be healthy`,
        async () => ((await node.health()).body['status'] === 'healthy' ? true : undefined),
        60_000,
      );
    }
    await more(50);
    const books = await reconcile(cluster, await load.stop(), { caps: CAPS });
    expect(books.differences).toEqual([]);
    const events = await cluster.admin.all('/admin/api/events?types=kirogate.token.used&limit=500');
    expect(await member.usedToday(cluster.url)).toBe(events.length);
  });
});
