/** Two builds side by side: the next one, with a migration more, joins nodes of this one under load, and they go on, also over a restart. */
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from '../../src/infra/database/port.js';
import { openPostgres } from '../../src/infra/database/postgres.js';
import { type Load, startLoad } from '../support/cluster/load.js';
import { addClusterTokens, type ClusterMember, createMember } from '../support/cluster/member.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { until } from '../support/until.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const NEXT_VERSION = '99.0.0';

let cluster: Cluster;
let member: ClusterMember;
let load: Load;
/** Folder of the next build. */
let next: string;
let migration: string;

/** This build under another version, with one migration more that adds what this one does not know. */
async function makeNextBuild(): Promise<void> {
  next = await mkdtemp(join(tmpdir(), 'kirogate-next-'));
  // Copied, because a program finds its migrations beside the place where it really is.
  for (const part of ['dist', 'migrations']) await cp(join(root, part), join(next, part), { recursive: true });
  for (const part of ['node_modules', 'src']) await symlink(join(root, part), join(next, part));
  const about = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as object;
  await writeFile(join(next, 'package.json'), JSON.stringify({ ...about, version: NEXT_VERSION }));
  const last = (await readdir(join(root, 'migrations', 'postgres'))).sort().at(-1)?.slice(0, 4);
  migration = `9000_more_compatible_${last}.sql`;
  await writeFile(
    join(next, 'migrations', 'postgres', migration),
    'alter table node_runs add column rack text;\nalter table vault_credentials add column note text;\ncreate table more (a bigint);\n',
  );
}

const versions = async (): Promise<string[]> =>
  Promise.all(cluster.nodes.map(async (node) => String((await node.health()).body['version'])));

beforeAll(async () => {
  [cluster] = await Promise.all([startCluster({ nodes: 3 }), makeNextBuild()]);
  await addClusterTokens(cluster, 3);
  member = await createMember(cluster, 'upgrader');
  load = startLoad({ url: cluster.url, keys: [member.key], workers: 3, retries: true });
});
afterAll(async () => {
  await cluster?.stop();
  await rm(next, { recursive: true, force: true });
});

describe('an upgrade', () => {
  it('begins with one node of the next build, which brings the schema along under the others', async () => {
    await cluster.node(0).stop();
    await cluster.node(0).start({}, next);
    expect((await versions()).filter((version) => version === NEXT_VERSION)).toHaveLength(1);
    const db = await openPostgres({ url: cluster.postgres.url, poolSize: 1 });
    expect(await db.query(sql`select name from kirogate_migrations where version = 9000`)).toEqual([{ name: migration }]);
    await db.close();
  });

  it('lets a node of the build before start again on the new schema, and say so', async () => {
    await cluster.node(1).stop();
    await cluster.node(1).start();
    expect((await cluster.node(1).health()).body['status']).toBe('healthy');
    expect(cluster.node(1).output()).toMatch(/"newer":\["9000_more[^\n]*may serve beside/);
  });

  it('has both builds serve, and take each other’s changes', async () => {
    const [fresh, before] = [cluster.node(0), cluster.node(1)];
    for (const [writer, reader, daily] of [
      [fresh, before, 4_001],
      [before, fresh, 4_002],
    ] as const) {
      await writer.admin.put(`/admin/api/users/${member.userId}/quota`, { daily });
      const seen = (await (await member.get(reader.url, '/user/api/quota')).json()) as { daily: { limit: number } };
      expect(seen.daily.limit).toBe(daily);
    }
    const counted = load.results.length;
    await until('more requests to be served', () => (load.results.length > counted + 10 ? true : undefined), 60_000);
  });

  it('ends when all nodes are of the next build, and no request was lost', async () => {
    for (const node of cluster.nodes.slice(1)) {
      await node.stop();
      await node.start({}, next);
    }
    expect(await versions()).toEqual([NEXT_VERSION, NEXT_VERSION, NEXT_VERSION]);
    const results = await load.stop();
    expect(results.length).toBeGreaterThan(10);
    expect(results.filter((one) => !one.whole)).toEqual([]);
  });

  it('leaves an archive that holds, with nothing set aside', async () => {
    const { items } = await cluster.admin.get<{ items: unknown[] }>('/admin/api/parked-events');
    expect(items).toEqual([]);
  });
});
