/** Lists and figures of the admin panel that are more than one look into a table. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordNodeStarted } from '../../../commands/node/started.js';
import { recordSystemEvent } from '../../../commands/system/record.js';
import { tokenUsed } from '../../../events/token/used.js';
import { openTestPanel, refreshTokenOf, type TestPanel } from '../testing/panel.js';

let panel: TestPanel;
beforeAll(async () => {
  panel = await openTestPanel();
});
afterAll(() => panel.close());

const system = { actor: 'system' };

async function pool(name: string, more: object = {}): Promise<string> {
  const body = { provider: 'kiro', authType: 'social', refreshToken: refreshTokenOf(name), visibility: 'public', name, ...more };
  return (await panel.admin('POST', '/admin/api/tokens', body)).body.id;
}

/** Walks all pages. */
async function all(path: string, limit = 2): Promise<{ id: string }[]> {
  const found: { id: string }[] = [];
  let cursor: string | null = null;
  do {
    const { body }: { body: { items: { id: string }[]; nextCursor: string | null } } = await panel.admin(
      'GET',
      `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`,
    );
    found.push(...body.items);
    cursor = body.nextCursor;
  } while (cursor !== null);
  return found;
}

describe('the list of tokens', () => {
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    const ada = await panel.member('ada');
    for (const name of ['Beta', 'alpha', 'gamma', 'delta', 'epsilon'])
      ids[name] = await pool(name, name === 'gamma' ? { userId: ada.id } : {});
    await panel.admin('POST', `/admin/api/tokens/${ids.delta}/pause`);
    // Three sends in a minute of three allowed: 0.3 of risk from the rate alone.
    const use = (tokenId: string, n: number) => ({
      type: tokenUsed.type,
      subject: `token/${tokenId}`,
      data: {
        ...tokenUsed.example,
        requestId: `${tokenId}-${n}`,
        tokenId,
        attempts: tokenUsed.example.attempts.map((one) => ({
          ...one,
          tokenId,
          attemptId: panel.ids.uuid(),
          startedAt: panel.clock.now(),
          respondedAt: panel.clock.now(),
        })),
      },
    });
    await panel.traffic([use(ids.alpha ?? '', 1), use(ids.alpha ?? '', 2), use(ids.Beta ?? '', 1)]);
  });

  it('is found by name, id and owner, whatever the case, and by status', async () => {
    const found = async (query: string) => (await all(`/admin/api/tokens?${query}`)).map(({ id }) => id);
    expect(await found('q=BET')).toEqual([ids.Beta]);
    expect(await found(`q=${ids.alpha}`)).toEqual([ids.alpha]);
    expect(await found('q=ada')).toEqual([ids.gamma]);
    expect(await found('status=suspended&statusReason=admin')).toEqual([ids.delta]);
    expect((await found('status=active')).sort()).toEqual([ids.Beta, ids.alpha, ids.gamma, ids.epsilon].sort());
    expect(await found('status=cooling')).toEqual([]);
    expect(await found('highRisk=true')).toEqual([]);
    expect(await found('highRisk=false')).toHaveLength(5);
    expect(await found('q=%25')).toEqual([]);
  });

  it('comes in every order, each token once', async () => {
    const sorted = async (sort: string) => (await all(`/admin/api/tokens?sort=${sort}`)).map(({ id }) => id);
    const byName = ['alpha', 'Beta', 'delta', 'epsilon', 'gamma'].map((name) => ids[name]);
    expect(await sorted('name')).toEqual(byName);
    expect(await sorted('newest')).toEqual([...(await sorted('oldest'))].reverse());
    expect((await sorted('lastUsed')).slice(0, 2).sort()).toEqual([ids.alpha, ids.Beta].sort());
    expect((await sorted('risk')).sort()).toEqual(Object.values(ids).sort());
    const { status, body } = await panel.admin('GET', `/admin/api/tokens?sort=name&cursor=${Buffer.from('[1,"x"]').toString('base64url')}`);
    expect([status, body.error.param]).toEqual([400, 'cursor']);
  });

  it('shows one with its owner and what became of its attempts', async () => {
    const { body } = await panel.admin('GET', `/admin/api/tokens/${ids.alpha}`);
    expect(body).toMatchObject({ id: ids.alpha, userName: null, attempts: 2, successes: 2, failures: 0, lastResult: 'success' });
    expect((await panel.admin('GET', `/admin/api/tokens/${ids.gamma}`)).body.userName).toBe('ada');
    expect((await panel.admin('GET', '/admin/api/tokens/nobody')).status).toBe(404);
  });
});

describe('requests over time', () => {
  it('have a point for every step, from the roll-ups', async () => {
    for (const [window, count, stepMs] of [
      ['1h', 60, 60_000],
      ['24h', 96, 900_000],
      ['7d', 168, 3_600_000],
    ] as const) {
      const { body } = await panel.admin('GET', `/admin/api/metrics/series?window=${window}`);
      expect([body.points.length, body.stepMs]).toEqual([count, stepMs]);
      expect(body.points.reduce((sum: number, point: { requests: number }) => sum + point.requests, 0)).toBe(3);
      const busy = body.points.find((point: { requests: number }) => point.requests > 0);
      expect(busy).toMatchObject({ failed: 0, p50: expect.any(Number), p95: expect.any(Number) });
      const times = body.points.map((point: { at: string }) => Date.parse(point.at));
      expect(times.every((at: number, index: number) => index === 0 || at - times[index - 1] === stepMs)).toBe(true);
    }
    expect((await panel.admin('GET', '/admin/api/metrics/series?window=1y')).body.error.param).toBe('window');
  });
});

describe('the cluster', () => {
  it('shows stores and lag beside its nodes', async () => {
    const { body } = await panel.admin('GET', '/admin/api/cluster');
    expect(body.stores).toEqual({ postgres: null, redis: null });
    expect(body.partitions.map(({ partition }: { partition: string }) => partition).sort()).toEqual(['control', 'p0', 'p1']);
    expect(body.nodes[0]).toEqual({
      id: 'n1',
      healthy: true,
      startedAt: expect.any(String),
      connections: 3,
      requestsLastMinute: 7,
      leader: true,
    });
  });

  it('tells its history, newest first', async () => {
    const record = (type: string, id: string, data: object) =>
      panel.commands.execute(recordSystemEvent, { type, id, data } as never, system);
    await panel.commands.execute(recordNodeStarted, { nodeId: 'n1', version: '1', mode: 'single' }, system);
    await record('kirogate.store.lost', 'redis', { store: 'redis', nodeId: 'n1', at: 1, message: 'gone' });
    await record('kirogate.leader.changed', 'health_checker', { office: 'health_checker', from: null, to: 'n1', term: 1 });
    const items = (await all('/admin/api/cluster/history', 1)) as unknown as { type: string; subject: string; details: object }[];
    expect(items.map(({ type }) => type)).toEqual(['kirogate.leader.changed', 'kirogate.store.lost', 'kirogate.node.started']);
    expect(items[1]).toMatchObject({ subject: 'store/redis', details: { message: 'gone', nodeId: 'n1' } });
  });
});

describe('settings in detail', () => {
  const detail = async (name: string) =>
    (await panel.admin('GET', '/admin/api/config/details')).body.items.find((one: { name: string }) => one.name === name);

  it('say where a value comes from, what it may be, who changed it, and which node has it', async () => {
    expect(await detail('token_rpm_limit')).toEqual({
      name: 'token_rpm_limit',
      meaning: expect.any(String),
      unit: 'requests',
      type: 'integer',
      min: 1,
      max: 100_000,
      value: 10,
      source: 'default',
      stored: null,
      environment: 10,
      default: 10,
      changedAt: null,
      changedBy: null,
      nodes: [{ id: 'n1', healthy: true, inForce: true }],
    });
    await panel.admin('PUT', '/admin/api/config', { token_rpm_limit: 12 });
    const changed = { value: 12, stored: 12, source: 'stored', changedBy: 'admin-api-key', changedAt: expect.any(String) };
    expect(await detail('token_rpm_limit')).toMatchObject({ ...changed, nodes: [{ inForce: true }] });
    await panel.admin('PUT', '/admin/api/config', { token_rpm_limit: null });
    expect(await detail('token_rpm_limit')).toMatchObject({ value: 10, stored: null, source: 'default', changedBy: 'admin-api-key' });
    expect(await detail('site_enabled')).toMatchObject({ type: 'boolean', min: null, max: null });
    expect(await detail('token_min_success_rate')).toMatchObject({ type: 'number', min: 0, max: 1 });
  });

  it('of two admins who edit one, the second is told', async () => {
    const put = (body: object) => panel.admin('PUT', '/admin/api/config', body);
    expect((await put({ token_rph_limit: 300, expected: { token_rph_limit: 200 } })).status).toBe(200);
    const late = await put({ token_rph_limit: 400, token_rpm_limit: 99, expected: { token_rph_limit: 200, token_rpm_limit: 10 } });
    expect([late.status, late.body.error.code, late.body.error.param]).toEqual([409, 'conflict', 'token_rph_limit']);
    expect(late.body.error).toMatchObject({ setting: 'token_rph_limit', current: 300 });
    expect((await panel.admin('GET', '/admin/api/config')).body).toMatchObject({ token_rph_limit: 300, token_rpm_limit: 10 });
    expect((await put({ token_rph_limit: null, expected: { token_rph_limit: null } })).status).toBe(409);
    expect((await put({ token_rph_limit: null, expected: { token_rph_limit: 300 } })).status).toBe(200);
    expect((await put({ token_rph_limit: 200, expected: { token_rph_limit: null } })).status).toBe(200);
    expect((await put({ expected: { nonsense: 1 } })).status).toBe(400);
  });
});

describe('members', () => {
  it('come in every order, each once, and one by one with quotas, keys, tokens and last sign-in', async () => {
    const eve = await panel.member('Eve');
    await panel.member('bob');
    await panel.traffic([{ type: tokenUsed.type, subject: 'token/t', data: { ...tokenUsed.example, userId: eve.id } }]);
    await panel.call('POST', '/user/api/keys', { as: eve, body: { name: 'laptop' } });
    const names = async (sort: string) =>
      ((await all(`/admin/api/users?sort=${sort}`, 1)) as unknown as { username: string }[]).map((one) => one.username);
    expect(await names('name')).toEqual(['ada', 'bob', 'Eve']);
    expect((await names('requests'))[0]).toBe('Eve');
    expect((await names('lastUsed'))[0]).toBe('Eve');
    expect(await names('newest')).toEqual([...(await names('oldest'))].reverse());
    const { body } = await panel.admin('GET', `/admin/api/users/${eve.id}`);
    expect(body).toMatchObject({
      id: eve.id,
      username: 'Eve',
      identities: [],
      lastSignIn: { method: 'password' },
      stats: { totalRequests: 1 },
      quota: { daily: { limit: 500 } },
      keys: [{ name: 'laptop' }],
      tokens: [],
    });
    expect((await panel.admin('GET', '/admin/api/users/nobody')).status).toBe(404);
  });
});
