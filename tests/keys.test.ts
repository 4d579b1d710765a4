/** `kirogate keys` and the doctor on a single node: refused while the node has another key, told what is left, moved while it serves. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../src/simulator/index.js';
import { adminClient } from './support/admin.js';
import { type NodeProcess, runCli, startNode } from './support/process.js';
import { ADMIN_API_KEY, nodeEnvironment } from './support/service.js';
import { ask } from './support/traffic.js';

const NEXT = 'the-next-encryption-key-3fK';

let dir: string;
let sim: Simulator;
let node: NodeProcess;
let key: string;
let former: string;

const environment = (over: Record<string, string> = {}): Record<string, string> =>
  nodeEnvironment({ dataDir: dir, simulatorUrl: sim.url, env: over });
const rotating = (): Record<string, string> => environment({ TOKEN_ENCRYPT_KEY: NEXT, TOKEN_ENCRYPT_KEY_PREVIOUS: former });
const encryption = async (env: Record<string, string>): Promise<{ state: string; detail: string } | undefined> => {
  const { output } = await runCli(['doctor', '--json'], env);
  const { findings } = JSON.parse(output) as { findings: { check: string; state: string; detail: string }[] };
  return findings.find(({ check }) => check === 'encryption');
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kirogate-keys-'));
  sim = await startSimulator();
  node = await startNode(environment());
  const admin = adminClient(node.url, ADMIN_API_KEY);
  const { refreshToken } = sim.addCredential({ kind: 'social' });
  await admin.post('/admin/api/tokens', { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' });
  ({ key } = await admin.member('caller'));
  former = (JSON.parse(await readFile(join(dir, 'secrets.json'), 'utf8')) as { tokenEncryptKey: string }).tokenEncryptKey;
});
afterAll(async () => {
  await node?.kill('SIGKILL');
  await sim.close();
  await rm(dir, { recursive: true, force: true });
});

describe('keys of a single node', () => {
  it('do not move while the node that runs knows only the former one', async () => {
    expect(await runCli(['keys', 'rotate'], rotating())).toMatchObject({
      code: 1,
      output: expect.stringMatching(/no node has started with this/),
    });
    expect((await ask(node.url, key, 'still served')).status).toBe(200);
    expect(await encryption(environment())).toMatchObject({ state: 'ok', detail: expect.stringContaining('1 credentials') });
  });

  it('that were changed without the former one keep it from starting, and are named by it and the doctor', async () => {
    await node.kill('SIGTERM');
    const refused = await runCli(['serve'], environment({ TOKEN_ENCRYPT_KEY: NEXT }));
    expect(refused).toMatchObject({ code: 78, output: expect.stringContaining('TOKEN_ENCRYPT_KEY is not the key of this database') });
    expect(await encryption(environment({ TOKEN_ENCRYPT_KEY: NEXT }))).toMatchObject({ state: 'fault' });
  });

  it('move while the node serves, once it has both; then the former one may go', async () => {
    await node.kill('SIGTERM');
    node = await startNode(rotating());
    expect(await encryption(rotating())).toMatchObject({ state: 'warning' });
    expect((await ask(node.url, key, 'before')).status).toBe(200);
    expect(await runCli(['keys', 'rotate'], rotating())).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^1 credentials moved.*may go/s),
    });
    expect((await ask(node.url, key, 'after')).status).toBe(200);
    await node.kill('SIGTERM');
    node = await startNode(environment({ TOKEN_ENCRYPT_KEY: NEXT }));
    expect((await ask(node.url, key, 'without the former')).status).toBe(200);
    expect(await encryption(environment({ TOKEN_ENCRYPT_KEY: NEXT }))).toMatchObject({ state: 'ok' });
  });
});
