/** The panels of three nodes are one: what an admin changes through one node is in force and shown on the others. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBrowser, type TestBrowser, type Visitor } from '../support/browser.js';
import { sendOne } from '../support/cluster/load.js';
import { addClusterTokens, createMember } from '../support/cluster/member.js';
import { type Cluster, clusterSecrets, startCluster } from '../support/cluster.js';
import { go, rowOf, signInAsAdmin } from '../support/panelSteps.js';
import { until } from '../support/until.js';

let cluster: Cluster;
let browser: TestBrowser;

beforeAll(async () => {
  cluster = await startCluster();
  await addClusterTokens(cluster, 2);
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await cluster?.stop();
});

async function adminAt(url: string): Promise<Visitor> {
  const visitor = await browser.visit(`${url}/admin/login`, { expected: /401/ });
  await signInAsAdmin(visitor.page, clusterSecrets.ADMIN_PASSWORD);
  return visitor;
}

describe('the panels of three nodes', () => {
  it('show every node, and one leader, through the balancer', async () => {
    const { page, complaints, leave } = await adminAt(cluster.url);
    for (const node of cluster.nodes) await rowOf(page, node.name).getByText('Healthy').waitFor();
    const leader = page.getByRole('table').getByText('Leader', { exact: true });
    await leader.first().waitFor();
    expect(await leader.count()).toBe(1);
    expect(complaints).toEqual([]);
    await leave();
  });

  it('put a limit changed on one node in force on another, and show there that all nodes have it', async () => {
    const { key } = await createMember(cluster, 'limited');
    const [first, second] = [cluster.node(0), cluster.node(1)];
    const one = await adminAt(first.url);
    const other = await adminAt(second.url);
    await go(one.page, 'Settings');
    await go(other.page, 'Settings');
    const name = 'Requests per key and minute';
    await other.page.getByLabel(name).waitFor();
    await one.page.getByLabel(name).fill('1');
    await one.page.getByRole('button', { name: 'Save changes' }).click();
    await one.page.getByText('Saved and in force.').waitFor();
    expect((await sendOne(second.url, key, 'the one')).whole).toBe(true);
    expect((await sendOne(second.url, key, 'one too many')).code).toBe('key_rate_limited');
    await until('the other page to show it', async () => ((await other.page.getByLabel(name).inputValue()) === '1' ? true : undefined));
    await other.page.locator('[data-setting="default_key_rpm_limit"]').getByText('In force on all 3 nodes').waitFor();
    expect([...one.complaints, ...other.complaints]).toEqual([]);
    await one.leave();
    await other.leave();
  });

  it('keep an admin signed in on every node, and refuse a session whose secret is not theirs any more', async () => {
    const { page, leave } = await adminAt(cluster.node(0).url);
    const cookies = await page.context().cookies();
    const session = cookies.find((cookie) => cookie.name === 'admin_session');
    const ask = async (url: string, value: string): Promise<number> =>
      (await fetch(`${url}/admin/api/users`, { headers: { cookie: `admin_session=${value}` } })).status;
    for (const node of cluster.nodes) expect(await ask(node.url, session?.value ?? '')).toBe(200);
    const forged = `${(session?.value ?? '').slice(0, -4)}AAAA`;
    for (const node of cluster.nodes) expect(await ask(node.url, forged)).toBe(401);
    await leave();
  });
});
