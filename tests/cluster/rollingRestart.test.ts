/** Nodes are restarted, added and taken away under load, and no client notices (spec R8, R11; contract §4). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Load, sendOne, startLoad } from '../support/cluster/load.js';
import { addClusterTokens, type ClusterMember, createMember } from '../support/cluster/member.js';
import { type Reconciliation, reconcile } from '../support/cluster/reconcile.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { until } from '../support/until.js';

const CAPS = { concurrent: 10, per60s: 10_000 };
const texts = ['', '[[sim delay 60]]', '[[sim gap 10]] [[sim words 20]]', ''];
/** About 25 s of a stream: it outlives every reload, and ends within the time that a stopping node gives. */
const longStream = { path: '/v1/messages', stream: true, end: 'message_stop' };

let cluster: Cluster;
let member: ClusterMember;
const clients: Awaited<ReturnType<Load['stop']>>[number][] = [];

beforeAll(async () => {
  const env = { TOKEN_MAX_CONCURRENT: `${CAPS.concurrent}`, TOKEN_RPM_LIMIT: `${CAPS.per60s}` };
  cluster = await startCluster({ nodes: 3, spare: 2, env });
  await addClusterTokens(cluster, 5);
  member = await createMember(cluster, 'ada');
});
afterAll(() => cluster?.stop());

/** Load while `change` does its work, JSON and streams, on kept and on new connections; then the books are compared. */
async function under(change: (load: Load) => Promise<void>, retries = false): Promise<Reconciliation> {
  const load = startLoad({
    ...{ url: cluster.url, keys: [member.key], workers: 12 },
    text: (n) => texts[n % texts.length] ?? '',
    fresh: (n) => n % 2 === 0,
    retries,
  });
  try {
    await served(load, 60);
    await change(load);
    await served(load, 60);
  } finally {
    clients.push(...(await load.stop()));
  }
  expect(clients.filter((one) => !one.whole)).toEqual([]);
  return reconcile(cluster, clients, { caps: CAPS });
}

async function served(load: Load, count: number): Promise<void> {
  const goal = load.results.length + count;
  await until(`${count} more replies`, () => (load.results.length >= goal ? true : undefined), 60_000);
}

async function expectNothingLost({ differences, terminals, reached }: Reconciliation): Promise<void> {
  expect(differences).toEqual([]);
  expect(terminals).toEqual({ 'kirogate.token.used': clients.length });
  expect(reached).toBe(clients.length);
  expect(await member.usedToday(cluster.url)).toBe(clients.length);
}

const portsOf = (count: number): number[] => cluster.nodes.slice(0, count).map((node) => node.port);

describe('a cluster under load', () => {
  it('loses no request while every node is stopped and started again in turn', async () => {
    const books = await under(async (load) => {
      for (const node of cluster.nodes.slice(0, 3)) {
        expect(await node.stop()).toBe(0);
        await node.start();
        await served(load, 30);
      }
    });
    await expectNothingLost(books);
  });

  it('grows from three nodes to five and shrinks to two, a reload each, and a long stream lives through it', async () => {
    const books = await under(async (load) => {
      await Promise.all(cluster.nodes.slice(3).map((node) => node.start()));
      const long = sendOne(cluster.url, member.key, '[[sim words 124]] [[sim gap 800]] a long story', longStream);
      cluster.nginx.servers(portsOf(5));
      for (const node of cluster.nodes.slice(3)) {
        await until(`${node.name} to be used`, () => (cluster.nginx.log().includes(`node=127.0.0.1:${node.port}`) ? true : undefined));
      }
      await served(load, 60);
      cluster.nginx.servers(portsOf(2));
      await served(load, 30);
      expect(await Promise.all(cluster.nodes.slice(2).map((node) => node.stop()))).toEqual([0, 0, 0]);
      await served(load, 60);
      const story = await long;
      expect(story).toMatchObject({ whole: true });
      clients.push(story);
      // nginx before 1.27.4 closes kept connections at a reload, whatever is on its way to it, and so nothing was sent on.
    }, true);
    await expectNothingLost(books);
  });
});
