/** Promises 1 and 2 of a cluster: whatever is killed, emptied, frozen or cut under load, clients, upstream and archive agree to the request. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TEST_PASSWORD } from '../../src/infra/database/testing/server.js';
import { createArchiveReader, terminalTypes } from '../support/cluster/archive.js';
import { type ClientResult, type Load, startLoad } from '../support/cluster/load.js';
import { addClusterTokens, type ClusterMember, createMember } from '../support/cluster/member.js';
import { dumpPostgres } from '../support/cluster/postgres.js';
import { type Reconciliation, reconcile } from '../support/cluster/reconcile.js';
import { readAll } from '../support/cluster/redis.js';
import { type Cluster, clusterSecrets, startCluster } from '../support/cluster.js';
import { ADMIN_API_KEY, PROXY_API_KEY } from '../support/service.js';
import { until } from '../support/until.js';

const CAPS = { concurrent: 3, per60s: 10_000 };
const WORKERS = 12;
/** Some fast, some slow, some streamed in pieces. */
const texts = ['', '[[sim delay 150]]', '[[sim gap 10]] [[sim words 30]]'];

let cluster: Cluster;
let members: ClusterMember[];
const clients: ClientResult[] = [];
let tokens: readonly { readonly refreshToken: string }[];
let mayBeAbandoned = 0;
let leading = 0;
let killedAt = 0;

beforeAll(async () => {
  cluster = await startCluster({ env: { TOKEN_MAX_CONCURRENT: String(CAPS.concurrent), TOKEN_RPM_LIMIT: String(CAPS.per60s) } });
  tokens = await addClusterTokens(cluster, 5);
  members = await Promise.all(['ada', 'grace', 'linus'].map((name) => createMember(cluster, name)));
});
afterAll(() => cluster?.stop());
// A test that failed half-way must not take the others with it.
afterEach(async () => {
  for (const node of cluster.nodes) {
    node.thaw();
    node.redis?.resume();
    if (!node.running()) await node.start();
  }
  if (!cluster.redis.running()) await cluster.redis.start();
  await allAre('healthy');
});

/** Load through the balancer while `fault` does its work; then the books are compared. */
async function under(fault: (load: Load) => Promise<void>): Promise<Reconciliation> {
  const keys = members.map((member) => member.key);
  const load = startLoad({ url: cluster.url, keys, workers: WORKERS, text: (n) => texts[n % texts.length] ?? '' });
  try {
    await served(load, 60);
    await fault(load);
    await served(load, 60);
  } finally {
    clients.push(...(await load.stop()));
  }
  return reconcile(cluster, clients, { mayBeAbandoned, caps: CAPS });
}

/** Resolves when so many more requests have come back whole. */
async function served(load: Load, count: number): Promise<void> {
  const whole = (): number => load.results.filter((one) => one.whole).length;
  const goal = whole() + count;
  await until(`${count} more replies`, () => (whole() >= goal ? true : undefined), 60_000);
}

const healthOf = async (index: number): Promise<string> => {
  try {
    return String((await cluster.node(index).health()).body['status']);
  } catch {
    return 'closed';
  }
};
async function allAre(status: string): Promise<void> {
  for (const index of cluster.nodes.keys()) {
    await until(`node ${index} to be ${status}`, async () => ((await healthOf(index)) === status ? true : undefined), 60_000);
  }
}

/** Index of the node that leads, as the cluster page has it. */
async function leader(): Promise<number | undefined> {
  const { nodes } = await cluster.admin.get<{ nodes: { id: string; leader: boolean }[] }>('/admin/api/cluster');
  const index = cluster.nodes.findIndex((node) => nodes.some((one) => one.leader && one.id === node.name));
  return index < 0 ? undefined : index;
}

/** What each member was charged is what the archive says, on every node. */
async function quotasAgree(): Promise<void> {
  const events = await createArchiveReader(cluster.admin).read();
  for (const member of members) {
    const charged = events.filter((one) => terminalTypes.includes(one.type) && one.data.userId === member.userId && one.data.charged);
    for (const node of cluster.nodes) expect(await member.usedToday(node.url)).toBe(charged.length);
  }
}

describe('three nodes under load lose nothing and double nothing', () => {
  it('when nothing happens', async () => {
    const books = await under(async (load) => served(load, 200));
    expect(books.differences).toEqual([]);
    expect(Object.keys(books.terminals)).toEqual(['kirogate.token.used']);
    await quotasAgree();
  });

  it('when the leading node is killed with -9', async () => {
    leading = await until('a leader', leader, 60_000);
    const books = await under(async (load) => {
      mayBeAbandoned += WORKERS;
      await cluster.node(leading).kill();
      killedAt = Date.now();
      await served(load, 60);
      await cluster.node(leading).start();
    });
    expect(books.differences).toEqual([]);
    await quotasAgree();
  });

  it('when an ingesting node is frozen until others have taken over all its work, and then goes on', async () => {
    const frozen = (leading + 1) % 3;
    const books = await under(async (load) => {
      const reader = createArchiveReader(cluster.node((frozen + 1) % 3).admin);
      const closed = async (): Promise<number> => (await reader.read()).filter((one) => one.type === 'kirogate.request.abandoned').length;
      const before = await closed();
      mayBeAbandoned += WORKERS;
      cluster.node(frozen).freeze();
      const answered = new Set(load.results.flatMap((one) => (one.whole && one.id !== null ? [one.id] : [])));
      await until('the others to archive what it had not', async () => {
        const known = new Set((await reader.read()).map((one) => one.data.requestId));
        // What it answered in its last moment it may not have logged yet: at most one request a worker, until it goes on.
        return [...answered].filter((id) => !known.has(id)).length <= WORKERS ? true : undefined;
      });
      await until('its requests to be closed by others', async () => ((await closed()) > before ? true : undefined), 40_000);
      cluster.node(frozen).thaw();
      await allAre('healthy');
    });
    expect(books.differences).toEqual([]);
    await quotasAgree();
  });

  it('when PostgreSQL crashes in the middle of a batch and comes back', async () => {
    const books = await under(async () => {
      await cluster.postgres.restart('immediate');
      await allAre('healthy');
    });
    expect(books.differences).toEqual([]);
    await quotasAgree();
  });

  it('and the killed leader has been replaced within 65 s', async () => {
    const next = await until(
      'another leader',
      async () => {
        const events = await cluster.admin.all<{ time: string; data: unknown }>(
          '/admin/api/events?types=kirogate.leader.changed&limit=500',
        );
        return events.map((one) => Date.parse(one.time)).find((at) => at > killedAt);
      },
      66_000,
    );
    expect(next - killedAt).toBeLessThanOrEqual(65_000);
  });

  it('when Redis is killed with -9, is away for a while, and comes back from its append-only file', async () => {
    const books = await under(async (load) => {
      await cluster.redis.kill();
      await allAre('degraded');
      await served(load, 60);
      await cluster.redis.start();
      await allAre('healthy');
    });
    expect(books.differences).toEqual([]);
    await quotasAgree();
  });

  it('when Redis comes back empty', async () => {
    const books = await under(async () => {
      await cluster.redis.kill();
      cluster.redis.empty();
      await cluster.redis.start();
      await allAre('healthy');
    });
    expect(books.differences).toEqual([]);
    await quotasAgree();
  });

  it('when Redis is set back to an older append-only file', async () => {
    const books = await under(async (load) => {
      const copy = await cluster.redis.copy();
      await served(load, 120);
      await cluster.redis.kill();
      cluster.redis.putBack(copy);
      await cluster.redis.start();
      await allAre('healthy');
    });
    expect(books.differences).toEqual([]);
    await quotasAgree();
  });

  it('when the network between one node and Redis stands still: it closes its listener, and the balancer uses the others', async () => {
    const books = await under(async (load) => {
      mayBeAbandoned += load.running();
      cluster.node(2).redis?.pause();
      await until('the node to be cut off', async () => (['closed', 'unhealthy'].includes(await healthOf(2)) ? true : undefined), 30_000);
      await served(load, 100);
      cluster.node(2).redis?.resume();
      await allAre('healthy');
    });
    expect(books.differences).toEqual([]);
    await quotasAgree();
  });

  it('when Redis is full', async () => {
    const books = await under(async (load) => {
      await cluster.redis.command('CONFIG', 'SET', 'maxmemory', '1mb');
      await allAre('degraded');
      // The limits live in the database, the events in the spool.
      await served(load, 60);
      await cluster.redis.command('CONFIG', 'SET', 'maxmemory', '0');
      await allAre('healthy');
      await served(load, 60);
    });
    expect(books.differences).toEqual([]);
    await quotasAgree();
  });

  it('when Redis takes no more writes, as a demoted primary does', async () => {
    const books = await under(async (load) => {
      await cluster.redis.command('REPLICAOF', '127.0.0.1', '1');
      await allAre('degraded');
      await served(load, 60);
      await cluster.redis.command('REPLICAOF', 'NO', 'ONE');
      await allAre('healthy');
    });
    expect(books.differences).toEqual([]);
    await quotasAgree();
  });

  // That every node is stopped in turn, and no request lost, is rollingRestart.test.ts.
  it('when the leading node is stopped: another leads at once', async () => {
    const books = await under(async () => {
      const index = await until('a leader', leader, 60_000);
      expect(await cluster.node(index).stop()).toBe(0);
      await until('another leader', async () => ((await leader()) ?? index) !== index || undefined, 10_000);
      await cluster.node(index).start();
    });
    expect(books.differences).toEqual([]);
    await quotasAgree();
  });

  it('and no log, no dump and no spool file holds a secret', async () => {
    const places: Record<string, string> = {
      logs: cluster.logs(),
      'nginx logs': cluster.nginx.log() + cluster.nginx.errors(),
      'Redis dump': await cluster.redis.dump(),
      'PostgreSQL dump': dumpPostgres(cluster.postgres.url),
      ...Object.fromEntries(cluster.nodes.map((node) => [`files of ${node.name}`, readAll(node.dataDir)])),
    };
    const secrets = [
      ...Object.values(clusterSecrets),
      ADMIN_API_KEY,
      PROXY_API_KEY,
      TEST_PASSWORD,
      ...members.flatMap((member) => [member.key, member.password]),
      ...tokens.map((token) => token.refreshToken),
      // What every access token of the simulator begins with.
      'aoaAAAAAG',
    ];
    for (const [place, text] of Object.entries(places)) {
      if (!place.startsWith('files')) expect(text.length, place).toBeGreaterThan(1_000);
      expect(
        secrets.filter((secret) => text.includes(secret)),
        place,
      ).toEqual([]);
    }
  });
});
