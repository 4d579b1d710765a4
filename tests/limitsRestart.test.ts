/** Limits of a single node that is killed with -9: open requests are closed once, slots are free, caps and quotas still hold (spec R5, R12). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../src/simulator/index.js';
import { type AdminClient, adminClient } from './support/admin.js';
import { type NodeProcess, startNode } from './support/process.js';
import { ADMIN_API_KEY, nodeEnvironment } from './support/service.js';
import { ask, codeOf, terminals } from './support/traffic.js';
import { until } from './support/until.js';

let sim: Simulator;
let dataDir: string;
let node: NodeProcess | undefined;

beforeEach(async () => {
  sim = await startSimulator();
  dataDir = await mkdtemp(join(tmpdir(), 'kirogate-limits-restart-'));
});
afterEach(async () => {
  await node?.kill('SIGKILL');
  node = undefined;
  await sim.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(env: Record<string, string>): Promise<{ url: string; admin: AdminClient }> {
  node = await startNode(nodeEnvironment({ dataDir, simulatorUrl: sim.url, env }));
  return { url: node.url, admin: adminClient(node.url, ADMIN_API_KEY) };
}

/** One token, one member whose key has a limit of its own; so many of its requests served, then the end of the process. */
async function killedAfter(served: number, rpmLimit: number): Promise<{ url: string; key: string; firstAt: number }> {
  const first = await start({});
  const { refreshToken } = sim.addCredential({ kind: 'social' });
  await first.admin.post('/admin/api/tokens', { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' });
  const user = await first.admin.post<{ id: string }>('/admin/api/users', { username: 'limited' });
  const { key } = await first.admin.post<{ key: string }>(`/admin/api/users/${user.id}/keys`, { name: 'test', rpmLimit });
  const firstAt = Date.now();
  for (let i = 0; i < served; i += 1) expect((await ask(first.url, key, `served ${i}`)).status).toBe(200);
  await node?.kill('SIGKILL');
  return { url: (await start({})).url, key, firstAt };
}

/** One token, one member; three requests served, two running at the upstream, then the end of the process. */
async function killedWithTwoOpen(
  env: Record<string, string>,
  token: object = {},
): Promise<{ url: string; admin: AdminClient; key: string }> {
  const first = await start(env);
  const { refreshToken } = sim.addCredential({ kind: 'social' });
  const donation = { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public', ...token };
  await first.admin.post('/admin/api/tokens', donation);
  const { key } = await first.admin.member('survivor');
  for (let i = 0; i < 3; i += 1) expect((await ask(first.url, key, `served ${i}`)).status).toBe(200);
  const lost = ['[[sim hold]] one', '[[sim hold]] two'].map((text) => ask(first.url, key, text).catch(() => undefined));
  await until('both calls to run', () => (sim.held() === 2 ? true : undefined));
  await node?.kill('SIGKILL');
  await Promise.all(lost);
  await until('the upstream to notice', () => (sim.witness().overall.inFlight === 0 ? true : undefined));
  return { ...(await start(env)), key };
}

describe('a node killed with two requests at the upstream', () => {
  it('closes each of them once as abandoned, and its slots are free at once', async () => {
    const { url, admin, key } = await killedWithTwoOpen({ TOKEN_MAX_CONCURRENT: '2' });
    const ends = await terminals({ admin }, 5);
    expect(ends.map((end) => end.type).sort()).toEqual([
      'kirogate.request.abandoned',
      'kirogate.request.abandoned',
      'kirogate.token.used',
      'kirogate.token.used',
      'kirogate.token.used',
    ]);
    const reached = sim.requests().flatMap((one) => (one.operation === 'generate' ? [one.invocationId] : []));
    expect(ends.map((end) => end.data.requestId).sort()).toEqual([...reached].sort());

    const both = [ask(url, key, '[[sim hold]] three'), ask(url, key, '[[sim hold]] four')];
    await until('both slots to be taken', () => (sim.held() === 2 ? true : undefined));
    const third = await ask(url, key, 'no slot for me');
    expect(third.status).toBe(429);
    expect(await codeOf(third)).toBe('pool_exhausted');
    sim.release();
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
    expect(sim.witness().overall.maxConcurrent).toBe(2);
    await terminals({ admin }, 7);
  });

  it('still counts what it had sent: no more than the cap reaches the upstream within the minute', async () => {
    const { url, key } = await killedWithTwoOpen({ TOKEN_RPM_LIMIT: '6' });
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(url, key, `after ${i}`)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const refused = answers.find(({ status }) => status === 429);
    const seconds = Number(refused?.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(1);
    expect(seconds).toBeLessThanOrEqual(61);
    expect(sim.witness().overall.maxPer60s).toBe(6);
  });

  it('still counts the day of a donor: of a daily cap of 7 two are left', async () => {
    const { url, key } = await killedWithTwoOpen({}, { dailyCap: 7 });
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(url, key, `after ${i}`)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(sim.witness().overall.requests).toBe(7);
  });

  it('still counts what it had charged: of a quota of 7 two are left', async () => {
    const { url, key } = await killedWithTwoOpen({ DEFAULT_USER_DAILY_QUOTA: '7' });
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(url, key, `after ${i}`)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(sim.witness().overall.requests).toBe(7);
  });
});

describe('a node killed after five requests of a key that may make five a minute', () => {
  it('still counts them, for a minute from the first one', async () => {
    const { url, key, firstAt } = await killedAfter(5, 5);
    const refused = await ask(url, key, 'one too many');
    expect(refused.status).toBe(429);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(await codeOf(refused)).toBe('key_rate_limited');
    const elapsed = (Date.now() - firstAt) / 1_000;
    expect(seconds).toBeGreaterThanOrEqual(Math.floor(60 - elapsed));
    expect(seconds).toBeLessThanOrEqual(60);
  });

  it('lets through what is left of six, and no more', async () => {
    const { url, key } = await killedAfter(5, 6);
    const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => ask(url, key, `after ${i}`)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(sim.witness().overall.requests).toBe(6);
  });
});
