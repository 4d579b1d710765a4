/** Promises 1, 4 and 5 of one node: killed with -9 under load, it loses nothing that it had said, and tells what it left open. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../src/simulator/index.js';
import { adminClient } from './support/admin.js';
import { type NodeProcess, runCli, startNode } from './support/process.js';
import { ADMIN_API_KEY, nodeEnvironment } from './support/service.js';
import { until } from './support/until.js';

interface Item {
  id: string;
  type: string;
  correlationid: string;
  data: { requestId: string; attempts?: { respondedAt: number | null }[]; charged: boolean };
}

const TERMINAL = 'kirogate.token.used,kirogate.request.failed,kirogate.request.cancelled,kirogate.request.abandoned';

let sim: Simulator;
let dataDir: string;
let env: Record<string, string>;

beforeAll(async () => {
  sim = await startSimulator();
  dataDir = await mkdtemp(join(tmpdir(), 'kirogate-crash-'));
  env = nodeEnvironment({ dataDir, simulatorUrl: sim.url });
});
afterAll(async () => {
  await sim.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** Sends requests until told to stop; answers the ids of those whose reply came whole. */
function load(node: NodeProcess, key: string): { stop: () => Promise<string[]> } {
  let on = true;
  const whole: string[] = [];
  const worker = async (n: number): Promise<void> => {
    for (let i = 0; on; i += 1) {
      const content = i % 3 === 0 ? `[[sim gap 5]] ${n}.${i} slowly` : `${n}.${i}`;
      try {
        const response = await fetch(`${node.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'claude-sonnet-4-5', stream: i % 2 === 0, messages: [{ role: 'user', content }] }),
        });
        const text = await response.text();
        if (response.status === 200 && (i % 2 !== 0 || text.includes('[DONE]'))) whole.push(response.headers.get('x-request-id') ?? '');
      } catch {
        return; // the node is gone
      }
    }
  };
  const workers = Array.from({ length: 12 }, (_, n) => worker(n));
  return {
    async stop() {
      on = false;
      await Promise.all(workers);
      return whole;
    },
  };
}

describe('a node killed with -9 under load', () => {
  it('has one terminal event for each request the upstream saw, loses none it had archived, and equals its rebuild', async () => {
    let node = await startNode(env);
    const credential = sim.addCredential({ kind: 'social' });
    const setUp = adminClient(node.url, ADMIN_API_KEY);
    await setUp.post('/admin/api/tokens', {
      provider: 'kiro',
      authType: 'social',
      refreshToken: credential.refreshToken,
      visibility: 'public',
    });
    const { key, userId } = await setUp.member('crash');
    const answered = new Set<string>();
    let committed = new Set<string>();

    for (const requests of [40, 150, 400]) {
      const running = load(node, key);
      const before = sim.witness().overall.requests;
      await until('enough load', () => (sim.witness().overall.requests - before >= requests ? true : undefined), 60_000);
      committed = new Set((await adminClient(node.url, ADMIN_API_KEY).all<Item>('/admin/api/events?limit=500')).map((event) => event.id));
      await node.kill('SIGKILL');
      for (const id of await running.stop()) answered.add(id);
      node = await startNode(env);

      const admin = adminClient(node.url, ADMIN_API_KEY);
      const all = await admin.all<Item>('/admin/api/events?limit=500');
      const ids = new Set(all.map((event) => event.id));
      expect([...committed].filter((id) => !ids.has(id))).toEqual([]);
      expect(ids.size).toBe(all.length);

      const terminal = all.filter((event) => TERMINAL.includes(event.type));
      const byRequest = new Map<string, Item>();
      for (const event of terminal) {
        expect(byRequest.has(event.data.requestId)).toBe(false);
        byRequest.set(event.data.requestId, event);
      }
      expect([...answered].filter((id) => !byRequest.has(id))).toEqual([]);
      const reached = sim.requests({ limit: 100_000 }).filter((record) => record.operation === 'generate');
      expect(reached.length).toBe(sim.witness().overall.requests);
      expect(reached.map((record) => record.invocationId ?? '').filter((id) => !byRequest.has(id))).toEqual([]);
      const charged = terminal.filter((event) => event.data.charged).length;
      const token = await until('quota use to follow', async () => {
        const [item] = (await admin.get<{ items: { id: string }[] }>(`/admin/api/activity?userId=${userId}&limit=1`)).items;
        return item;
      });
      expect(token).toBeDefined();
      const metrics = await admin.get<{ totalRequests: number }>('/admin/api/metrics');
      expect(metrics.totalRequests).toBe(terminal.length);
      expect(charged).toBeGreaterThan(0);
    }

    expect(await node.kill('SIGTERM')).toBe(0);
    const verified = await runCli(['projections', 'verify'], env);
    expect(verified.output).not.toMatch(/different|broken/);
    expect(verified.code).toBe(0);
  }, 180_000);
});
