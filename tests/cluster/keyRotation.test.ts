/** TOKEN_ENCRYPT_KEY and the session secrets changed under load: nodes restarted one by one, credentials moved by a command that is killed midway. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertCredential } from '../../src/commands/token/credentials.js';
import { sql } from '../../src/infra/database/port.js';
import { openPostgres } from '../../src/infra/database/postgres.js';
import { createVault } from '../../src/infra/vault.js';
import { startChild } from '../support/cluster/child.js';
import { type Load, startLoad } from '../support/cluster/load.js';
import { addClusterTokens, type ClusterMember, createMember } from '../support/cluster/member.js';
import { type Cluster, clusterSecrets, startCluster } from '../support/cluster.js';
import { runCli } from '../support/process.js';
import { until } from '../support/until.js';

const next = { TOKEN_ENCRYPT_KEY: 'encryption-the-next-9xQ2', USER_SESSION_SECRET: 'usersession-the-next-7Lp' };
const rotating = {
  ...next,
  TOKEN_ENCRYPT_KEY_PREVIOUS: clusterSecrets.TOKEN_ENCRYPT_KEY,
  USER_SESSION_SECRET_PREVIOUS: clusterSecrets.USER_SESSION_SECRET,
};
/** More credentials than one batch holds, so that a run can be killed between two. */
const IDLE = 1_000;

let cluster: Cluster;
let member: ClusterMember;
let load: Load;
const former = createVault({ key: clusterSecrets.TOKEN_ENCRYPT_KEY });
const present = createVault({ key: next.TOKEN_ENCRYPT_KEY });

const cliEnv = (): Record<string, string> => ({ ...rotating, DATABASE_URL: cluster.postgres.url });
interface Status {
  current: string;
  credentials: { keyId: string; credentials: number; key: string }[];
  nodes: { nodeId: string; keyId: string }[];
}
async function status(): Promise<Status> {
  const { output } = await runCli(['keys', 'status', '--json'], cliEnv());
  return JSON.parse(output) as Status;
}
const under = (found: Status, keyId: string): number => found.credentials.find((one) => one.keyId === keyId)?.credentials ?? 0;

async function addIdleCredentials(): Promise<void> {
  const db = await openPostgres({ url: cluster.postgres.url, poolSize: 1 });
  await db.tx(async (tx) => {
    for (let i = 0; i < IDLE; i += 1) {
      const secret = { refreshToken: `idle-${i}` };
      await insertCredential(tx, former, { tokenId: `ext-idle-${i}`, authType: 'social', fingerprint: `idle-${i}`, secret });
    }
  });
  await db.close();
}

async function restartAll(env: Record<string, string>): Promise<void> {
  for (const node of cluster.nodes) {
    await node.stop();
    await node.start(env);
  }
}

beforeAll(async () => {
  cluster = await startCluster({ nodes: 2 });
  await addClusterTokens(cluster, 3);
  await addIdleCredentials();
  member = await createMember(cluster, 'rotator');
  load = startLoad({ url: cluster.url, keys: [member.key], workers: 3, retries: true });
});
afterAll(() => cluster?.stop());

describe('a rotation of keys under load', () => {
  it('is refused while a node still uses the former key, and changes nothing then', async () => {
    const { code, output } = await runCli(['keys', 'rotate'], cliEnv());
    expect(code).toBe(1);
    expect(output).toMatch(/node-[12].*Restart them with this one/);
    expect(under(await status(), former.keyId)).toBe(IDLE + 3);
  });

  it('begins with restarts one by one, after which every node seals with the new key and reads both', async () => {
    await restartAll(rotating);
    const found = await status();
    expect(found.nodes.map(({ keyId }) => keyId)).toEqual([present.keyId, present.keyId]);
    expect(under(found, former.keyId)).toBe(IDLE + 3);
    for (const node of cluster.nodes) expect((await member.get(node.url, '/user/api/profile')).status).toBe(200);
  });

  it('leaves whole rows when its command is killed midway, and goes on when it is started again', async () => {
    const dying = startChild(process.execPath, {
      args: ['dist/cli/index.js', 'keys', 'rotate'],
      env: { PATH: process.env['PATH'] ?? '', ...cliEnv() },
    });
    const db = await openPostgres({ url: cluster.postgres.url, poolSize: 1 });
    await until(
      'some credentials to be moved',
      async () => {
        const [row] = await db.query<{ n: number }>(
          sql`select count(*) as n from vault_credentials where substr(secret_enc, 4, 8) = ${present.keyId}`,
        );
        return Number(row?.n) > 0 ? true : undefined;
      },
      60_000,
    );
    await dying.end('SIGKILL');
    await db.close();
    const between = await status();
    expect(under(between, former.keyId) + under(between, present.keyId)).toBe(IDLE + 3);
    const { code, output } = await runCli(['keys', 'rotate', '--json'], cliEnv());
    expect(JSON.parse(output)).toMatchObject({ keyId: present.keyId, unreadable: [], remaining: 0 });
    expect(code).toBe(0);
  });

  it('ends with restarts without the former keys, and every request of all that time was served', async () => {
    await restartAll(next);
    const results = await load.stop();
    expect(results.length).toBeGreaterThan(10);
    expect(results.filter((one) => !one.whole)).toEqual([]);
    expect((await status()).credentials).toEqual([{ keyId: present.keyId, credentials: IDLE + 3, key: 'current' }]);
    expect(cluster.logs()).not.toMatch(/cannot be opened/);
    for (const secret of Object.values(next)) expect(cluster.logs()).not.toContain(secret);
  });
});
