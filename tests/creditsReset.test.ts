/** A token out of credits over a real node: parked until the upstream's own reset, tried with one request when that has come (spec R12). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../src/simulator/index.js';
import { adminClient } from './support/admin.js';
import { type NodeProcess, startNode } from './support/process.js';
import { ADMIN_API_KEY, nodeEnvironment } from './support/service.js';
import { ask } from './support/traffic.js';
import { until } from './support/until.js';

/** Long enough for the refusal and the look at the plan on a slow machine. */
const RESET_IN_MS = 15_000;

let sim: Simulator;
let dataDir: string;
let node: NodeProcess | undefined;

beforeEach(async () => {
  sim = await startSimulator();
  dataDir = await mkdtemp(join(tmpdir(), 'kirogate-credits-'));
});
afterEach(async () => {
  await node?.kill('SIGKILL');
  node = undefined;
  await sim.close();
  await rm(dataDir, { recursive: true, force: true });
});

interface Shown {
  readonly id: string;
  readonly parkedUntil: string | null;
}

it('is parked until the reset that the plan names, and then sends one request of six that come at once', async () => {
  node = await startNode(nodeEnvironment({ dataDir, simulatorUrl: sim.url, env: { TOKEN_MAX_CONCURRENT: '6' } }));
  const { url } = node;
  const admin = adminClient(url, ADMIN_API_KEY);
  const { id: credential, refreshToken } = sim.addCredential({ kind: 'social', creditsLimit: 10, creditsUsed: 0 });
  const donation = { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' };
  const { id } = await admin.post<{ id: string }>('/admin/api/tokens', donation);
  const { key } = await admin.member('spender');
  expect((await ask(url, key, 'while there are some')).status).toBe(200);

  const resetAt = Date.now() + RESET_IN_MS;
  sim.updateCredential(credential, { creditsUsed: 10, resetAt });
  expect((await ask(url, key, 'the one that finds out')).status).not.toBe(200);
  await until('the park to end at the reset', async () => {
    const token = (await admin.all<Shown>('/admin/api/tokens')).find((one) => one.id === id);
    return token?.parkedUntil != null && Date.parse(token.parkedUntil) === resetAt ? true : undefined;
  });
  const refused = await ask(url, key, 'too early');
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(RESET_IN_MS / 1_000 + 1);

  const before = sim.witness().overall.requests;
  await until('the reset', () => (Date.now() > resetAt ? true : undefined), 2 * RESET_IN_MS);
  // The upstream is late: credits are still out.
  const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => ask(url, key, `together ${i}`)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(0);
  expect(sim.witness().overall.requests).toBe(before + 1);
});
