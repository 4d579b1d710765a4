import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from '../../../infra/database/port.js';
import { type Member, openTestPanel, refreshTokenOf, type TestPanel } from '../testing/panel.js';

let panel: TestPanel;
let member: Member;
beforeAll(async () => {
  panel = await openTestPanel();
  member = await panel.member('ada');
});
afterAll(() => panel.close());

const donation = (name: string, more: object = {}) => ({
  provider: 'kiro',
  authType: 'social',
  refreshToken: refreshTokenOf(name),
  visibility: 'public',
  name,
  ...more,
});

async function audit(type: string): Promise<Record<string, unknown>[]> {
  return (await panel.admin('GET', `/admin/api/audit?type=${type}`)).body.items;
}

describe('users', () => {
  it('are made, found by status and text, and shown in pages without gap or repeat', async () => {
    const made = new Set<string>();
    for (const name of ['Page One', 'page two', 'PAGE <b>three</b>']) {
      const { status, body } = await panel.admin('POST', '/admin/api/users', { username: name, email: `${made.size}@pages.example` });
      expect(status).toBe(201);
      made.add(body.id);
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? '' : `&cursor=${cursor}`;
      const { body } = await panel.admin('GET', `/admin/api/users?q=PAGE&limit=2&status=active${more}`);
      for (const user of body.items) seen.push(user.id);
      cursor = body.nextCursor;
    } while (cursor !== null);
    expect(seen).toHaveLength(3);
    expect(new Set(seen)).toEqual(made);
    expect((await panel.admin('GET', '/admin/api/users?q=three')).body.items[0]).toMatchObject({
      username: 'PAGE <b>three</b>',
      quotaDaily: null,
    });
    expect((await panel.admin('GET', '/admin/api/users?q=2%40pages')).body.items).toHaveLength(1);
    expect((await panel.admin('GET', '/admin/api/users?status=banned&q=page')).body.items).toEqual([]);
    expect((await panel.admin('GET', '/admin/api/users?status=gone')).body.error.param).toBe('status');
  });

  it('are banned and unbanned in any number, each change told once', async () => {
    const ids = ['x', member.id, ...Array.from({ length: 600 }, (_, n) => `nobody${n}`)];
    expect((await panel.admin('POST', '/admin/api/users/batch-ban', { ids, reason: 'spam' })).body).toEqual({ changed: 1 });
    expect((await panel.admin('POST', '/admin/api/users/batch-ban', { ids })).body).toEqual({ changed: 0 });
    expect((await panel.admin('POST', '/admin/api/users/batch-unban', { ids })).body).toEqual({ changed: 1 });
    expect(await audit('user.banned')).toMatchObject([
      { actor: 'admin-api-key', type: 'kirogate.user.banned', targetType: 'user', targetId: member.id, details: { reason: 'spam' } },
    ]);
  });

  it('get quotas of their own and lose them to the default again', async () => {
    const quota = `/admin/api/users/${member.id}/quota`;
    expect((await panel.admin('PUT', quota, { daily: 7 })).body).toEqual({ daily: 7, monthly: null });
    expect((await panel.admin('PUT', quota, { monthly: 0 })).body).toEqual({ daily: 7, monthly: 0 });
    expect((await panel.call('GET', '/user/api/quota', { as: member })).body).toMatchObject({
      daily: { limit: 7, used: 0, remaining: 7 },
      monthly: { limit: 0, remaining: 0 },
    });
    expect((await panel.admin('PUT', quota, { daily: null, monthly: null })).body).toEqual({ daily: null, monthly: null });
    expect((await panel.call('GET', '/user/api/quota', { as: member })).body).toMatchObject({
      daily: { limit: 500 },
      monthly: { limit: 10_000 },
    });
    for (const daily of [-1, 1.5, '5', 1_000_000_001, true])
      expect((await panel.admin('PUT', quota, { daily })).body.error.param).toBe('daily');
    expect((await panel.admin('PUT', '/admin/api/users/nobody/quota', { daily: 1 })).status).toBe(404);
  });
});

describe('keys', () => {
  it('are issued once, listed without the key, and revoked for good', async () => {
    const keys = `/admin/api/users/${member.id}/keys`;
    const expiresAt = '2999-01-01T00:00:00.000Z';
    const { status, body } = await panel.admin('POST', keys, {
      name: 'laptop',
      rpmLimit: 5,
      allowedModels: ['claude-sonnet-4.5'],
      expiresAt,
    });
    expect(status).toBe(201);
    expect(body.key).toMatch(/^sk-[0-9A-Za-z]{48}$/);
    const list = await panel.admin('GET', keys);
    expect(list.body.items[0]).toEqual({
      id: body.id,
      name: 'laptop',
      prefix: body.key.slice(0, 11),
      createdAt: expect.any(String),
      lastUsedAt: null,
      requests: 0,
      status: 'active',
      rpmLimit: 5,
      allowedModels: ['claude-sonnet-4.5'],
      expiresAt,
    });
    expect((await panel.admin('DELETE', `/admin/api/keys/${body.id}`)).status).toBe(204);
    expect((await panel.admin('GET', keys)).body.items[0].status).toBe('revoked');
    expect((await panel.admin('DELETE', '/admin/api/keys/nobody')).status).toBe(404);
    const everything = JSON.stringify(await panel.db.query(sql`select * from archive`));
    expect(everything).not.toContain(body.key);
  });

  it.each([
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'x', rpmLimit: 0 }, 'rpmLimit'],
    [{ name: 'x', rpmLimit: 100_001 }, 'rpmLimit'],
    [{ name: 'x', allowedModels: 'all' }, 'allowedModels'],
    [{ name: 'x', allowedModels: [1] }, 'allowedModels[0]'],
    [{ name: 'x', expiresAt: '2001-01-01T00:00:00Z' }, 'expiresAt'],
    [{ name: 'x', expiresAt: 5 }, 'expiresAt'],
  ])('are refused for %j', async (body, param) => {
    const answer = await panel.admin('POST', `/admin/api/users/${member.id}/keys`, body);
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  });

  it('need a member', async () => {
    expect((await panel.admin('POST', '/admin/api/users/nobody/keys', { name: 'x' })).status).toBe(404);
  });
});

describe('tokens', () => {
  it('join with live figures at rest, and their secret shows up nowhere', async () => {
    const { status, body } = await panel.admin(
      'POST',
      '/admin/api/tokens',
      donation('first', { userId: member.id, visibility: 'private' }),
    );
    expect(status).toBe(201);
    const { body: list } = await panel.admin('GET', `/admin/api/tokens?userId=${member.id}`);
    expect(list.items[0]).toMatchObject({
      id: body.id,
      name: 'first',
      provider: 'kiro',
      userId: member.id,
      visibility: 'private',
      status: 'active',
      statusReason: null,
      riskScore: 0,
      highRisk: false,
      rpm: { used: 0, limit: 10 },
      rph: { used: 0, limit: 200 },
      concurrency: { used: 0, limit: 2 },
      consecutiveFails: 0,
      cooldownUntil: null,
      successRate: 1,
      lastUsedAt: null,
    });
    for (const table of ['archive', 'tokens', 'audit', 'vault_credentials']) {
      expect(JSON.stringify(await panel.db.query(sql`select * from ${sql.ident(table)}`))).not.toContain(refreshTokenOf('first'));
    }
    expect(JSON.stringify(list)).not.toContain('rrrr');
  });

  it.each([
    [{ visibility: undefined }, 400, 'visibility'],
    [{ visibility: 'secret' }, 400, 'visibility'],
    [{ provider: 'nobody' }, 400, 'provider'],
    [{ authType: 'telepathy' }, 400, 'authType'],
    [{ refreshToken: 'short' }, 400, 'refreshToken'],
    [{ refreshToken: 5 }, 400, 'refreshToken'],
    [{ region: 'the moon' }, 400, 'region'],
    [{ authType: 'idc' }, 400, 'clientId'],
    [{ authType: 'builder_id', clientId: 'c' }, 400, 'clientSecret'],
    [{ visibility: 'private' }, 400, 'userId'],
    [{ userId: 'nobody' }, 404, 'userId'],
    [{ status: 'active' }, 400, 'status'],
  ])('are refused for %j', async (change, status, param) => {
    const answer = await panel.admin('POST', '/admin/api/tokens', donation('bad', change));
    expect([answer.status, answer.body.error.param]).toEqual([status, param]);
    expect(JSON.stringify(answer.body)).not.toContain(refreshTokenOf('bad'));
  });

  it('join once', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => panel.admin('POST', '/admin/api/tokens', donation('once'))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it('take the client registration of IdC and Builder ID', async () => {
    for (const authType of ['idc', 'builder_id']) {
      const { status } = await panel.admin(
        'POST',
        '/admin/api/tokens',
        donation(authType, { authType, clientId: 'c', clientSecret: 's', region: 'eu-central-1' }),
      );
      expect(status).toBe(201);
    }
  });

  it('are paused, resumed, changed, checked and removed', async () => {
    const { body } = await panel.admin('POST', '/admin/api/tokens', donation('life'));
    const one = async () =>
      (await panel.admin('GET', '/admin/api/tokens')).body.items.find((token: { id: string }) => token.id === body.id);
    expect((await panel.admin('POST', `/admin/api/tokens/${body.id}/pause`)).body).toEqual({ changed: true });
    expect((await panel.admin('POST', `/admin/api/tokens/${body.id}/pause`)).body).toEqual({ changed: false });
    expect(await one()).toMatchObject({ status: 'suspended', statusReason: 'admin' });
    expect((await panel.admin('POST', `/admin/api/tokens/${body.id}/resume`)).body).toEqual({ changed: true });
    expect(await one()).toMatchObject({ status: 'active', statusReason: null });
    const patched = await panel.admin('PATCH', `/admin/api/tokens/${body.id}`, { name: 'new name', dailyCap: 5, allowedModels: ['m'] });
    expect(patched.body).toMatchObject({ name: 'new name', dailyCap: 5, allowedModels: ['m'] });
    expect((await panel.admin('POST', `/admin/api/tokens/${body.id}/check`)).body).toEqual({
      ok: false,
      failure: 'network',
      message: 'no route',
    });
    expect(panel.checked).toContain(body.id);
    expect((await panel.admin('DELETE', `/admin/api/tokens/${body.id}`)).status).toBe(204);
    expect(await one()).toBeUndefined();
    for (const action of ['pause', 'resume'])
      expect((await panel.admin('POST', `/admin/api/tokens/${body.id}/${action}`)).status).toBe(404);
  });

  it('at high risk are paused together, the others are not', async () => {
    const risky = (await panel.admin('POST', '/admin/api/tokens', donation('risky', { userId: member.id, visibility: 'private' }))).body.id;
    const calm = (await panel.admin('POST', '/admin/api/tokens', donation('calm'))).body.id;
    await panel.admin('PUT', '/admin/api/config', { token_rpm_limit: 1, token_rph_limit: 1 });
    const attemptId = panel.ids.uuid();
    await panel.limits.admit({
      attemptId,
      requestId: panel.ids.uuid(),
      terminalEventId: panel.ids.uuid(),
      attempt: 1,
      userId: member.id,
      keyId: 'k',
      quota: { daily: 10, monthly: 10 },
      keyRpm: null,
      targets: [{ provider: 'kiro', model: 'm' }],
      onlyTokenId: risky,
      ownOnly: false,
      exclude: [],
      affinity: null,
      facts: { endpoint: '/v1/messages', model: 'm', stream: false, startedAt: panel.clock.now() },
    });
    panel.limits.responded(attemptId);
    await panel.limits.settle({ attemptId, outcome: 'token_failure', retryAfterMs: null, sent: true });
    const item = (await panel.call('GET', '/user/api/tokens', { as: member })).body.items.find(
      (token: { id: string }) => token.id === risky,
    );
    // 0.3·1/1 + 0.3·1/1 + 0.2·1 + 0.2·1/5
    expect(item).toMatchObject({ highRisk: true, rpm: { used: 1, limit: 1 }, consecutiveFails: 1, successRate: 0 });
    expect(item.riskScore).toBeCloseTo(0.84, 10);
    expect((await panel.admin('POST', '/admin/api/tokens/batch-pause-risky')).body).toEqual({ paused: [risky] });
    expect((await panel.admin('POST', '/admin/api/tokens/batch-pause-risky')).body).toEqual({ paused: [] });
    expect(panel.directory.token(calm)?.status).toBe('active');
    expect((await panel.call('GET', '/user/api/notifications', { as: member })).body.items[0]).toMatchObject({
      type: 'token_suspended',
      read: false,
      tokenId: risky,
    });
    await panel.admin('PUT', '/admin/api/config', { token_rpm_limit: null, token_rph_limit: null });
  });

  it('have a history of risk over 1 to 24 hours', async () => {
    expect((await panel.admin('GET', '/admin/api/tokens/risk-history?hours=2')).body).toEqual({ series: expect.any(Array) });
    for (const hours of ['0', '25', 'x'])
      expect((await panel.admin('GET', `/admin/api/tokens/risk-history?hours=${hours}`)).body.error.param).toBe('hours');
  });
});

describe('settings', () => {
  it('show what is in force, what is stored and what the environment says; null goes back', async () => {
    const { body: before } = await panel.admin('GET', '/admin/api/config');
    expect(before).toMatchObject({ token_rpm_limit: 10, site_enabled: true, stored: {}, environment: { token_rpm_limit: 10 } });
    const { body: after } = await panel.admin('PUT', '/admin/api/config', { token_rpm_limit: 25, site_enabled: false });
    expect(after).toMatchObject({
      token_rpm_limit: 25,
      site_enabled: false,
      stored: { token_rpm_limit: 25, site_enabled: false },
      environment: { token_rpm_limit: 10 },
    });
    expect((await panel.admin('POST', '/admin/config/reload')).body).toEqual(after);
    expect((await panel.admin('POST', '/admin/config/reload', { token_rpm_limit: null, site_enabled: null })).body).toEqual(before);
    expect((await audit('config.changed'))[0]).toMatchObject({ details: { token_rpm_limit: { from: 25, to: null } } });
  });

  it('can be sent back as they came', async () => {
    const { body } = await panel.admin('GET', '/admin/api/config');
    expect((await panel.admin('PUT', '/admin/api/config', body)).status).toBe(200);
    await panel.admin('PUT', '/admin/api/config', Object.fromEntries(Object.keys(body.environment).map((name) => [name, null])));
  });

  it.each([
    [{ token_rpm_limit: 0 }, 'token_rpm_limit'],
    [{ token_rpm_limit: '5' }, 'token_rpm_limit'],
    [{ token_min_success_rate: 1.1 }, 'token_min_success_rate'],
    [{ site_enabled: 1 }, 'site_enabled'],
    [{ token_pacing_min_ms: 4_000 }, 'token_pacing_min_ms'],
    [{ token_rpm: 5 }, 'token_rpm'],
  ])('refuse %j', async (body, param) => {
    const answer = await panel.admin('PUT', '/admin/api/config', body);
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  });
});

describe('refused commands', () => {
  it('are in the audit with who asked and why', async () => {
    const session = await panel.adminSession();
    await panel.call('POST', '/admin/api/tokens/nobody/pause', { as: session });
    expect((await audit('admin.command-refused')).find((item) => item.actor === 'admin')).toMatchObject({
      details: { command: 'token.suspend', code: 'not_found' },
    });
  });
});

describe('bans of addresses', () => {
  it('bind at once for members and strangers, and end when lifted', async () => {
    const { status, body } = await panel.admin('POST', '/admin/api/ip-bans', { ip: '203.0.113.9', reason: 'flood' });
    expect([status, body.ip]).toEqual([201, '203.0.113.9']);
    const there = { headers: { 'x-test-address': '203.0.113.9' } };
    expect((await panel.call('GET', '/openapi.json', there)).body.error.code).toBe('ip_banned');
    expect((await panel.admin('GET', '/admin/api/ip-bans')).body.items).toMatchObject([
      { id: body.id, ip: '203.0.113.9', reason: 'flood', actor: 'admin-api-key' },
    ]);
    expect((await panel.admin('POST', '/admin/api/ip-bans', { ip: '203.0.113.9' })).status).toBe(409);
    expect((await panel.admin('DELETE', `/admin/api/ip-bans/${body.id}`)).status).toBe(204);
    expect((await panel.call('GET', '/openapi.json', there)).status).toBe(200);
    for (const ip of ['', 'localhost', '1.2.3', '0.0.0.0/0', '10.0.0.0/33'])
      expect((await panel.admin('POST', '/admin/api/ip-bans', { ip })).body.error.param).toBe('ip');
  });
});

describe('announcements', () => {
  it('are written, edited and deleted; markup comes back as it was, as JSON', async () => {
    const content = '<img src=x onerror=alert(1)>';
    const { body } = await panel.admin('POST', '/admin/api/announcements', { content, active: true, allowGuest: false });
    expect((await panel.admin('GET', '/admin/api/announcements')).body.items).toMatchObject([
      { id: body.id, content, active: true, allowGuest: false },
    ]);
    expect((await panel.admin('PATCH', `/admin/api/announcements/${body.id}`, { active: false })).body).toEqual({
      content,
      active: false,
      allowGuest: false,
    });
    expect((await panel.admin('DELETE', `/admin/api/announcements/${body.id}`)).status).toBe(204);
    expect((await panel.admin('GET', '/admin/api/announcements')).body.items).toEqual([]);
    expect((await panel.admin('POST', '/admin/api/announcements', { content: '' })).body.error.param).toBe('content');
  });
});

describe('import keys', () => {
  it('donate in bulk, say what was refused, and end when revoked', async () => {
    const { body } = await panel.admin('POST', '/admin/api/import-keys', { name: 'nightly', userId: member.id });
    const send = (init: { body: unknown; headers?: Record<string, string> }) =>
      panel.call('POST', '/api/tokens/import', { ...init, headers: { authorization: `Bearer ${body.key}`, ...init.headers } });
    const first = await send({
      body: [
        { refreshToken: refreshTokenOf('bulk1'), visibility: 'private' },
        { refresh_token: refreshTokenOf('bulk2'), auth_type: 'social' },
        { refreshToken: 'cut' },
        { refreshToken: refreshTokenOf('bulk1') },
        5,
        { provider: 'nobody' },
      ],
    });
    expect(first.body).toEqual({ accepted: 2, rejected: [2, 3, 4, 5].map((index) => ({ index, reason: expect.any(String) })) });
    const text = await send({
      body: `${refreshTokenOf('bulk3')}\n\n${refreshTokenOf('bulk4')}\n`,
      headers: { 'content-type': 'text/plain' },
    });
    expect(text.body).toEqual({ accepted: 2, rejected: [] });
    expect(
      (await panel.call('GET', '/user/api/tokens?limit=500', { as: member })).body.items.filter(
        (token: { userId: string }) => token.userId === member.id,
      ).length,
    ).toBeGreaterThanOrEqual(4);
    expect((await send({ body: '[{', headers: { 'content-type': 'text/plain' } })).status).toBe(400);
    expect((await panel.admin('GET', '/admin/api/import-keys')).body.items).toMatchObject([
      { id: body.id, name: 'nightly', status: 'active', userId: member.id },
    ]);
    expect((await panel.admin('DELETE', `/admin/api/import-keys/${body.id}`)).status).toBe(204);
    expect((await send({ body: [] })).status).toBe(401);
  });
});

describe('the overview', () => {
  it('shows nodes and figures', async () => {
    expect((await panel.admin('GET', '/admin/api/cluster')).body.nodes).toMatchObject([
      { id: 'n1', healthy: true, connections: 3, requestsLastMinute: 7, leader: true },
    ]);
    for (const window of ['1m', '1h', '24h', 'all']) {
      expect((await panel.admin('GET', `/admin/api/metrics?window=${window}`)).body).toMatchObject({
        totalRequests: 0,
        latencyMs: { p99: null },
      });
    }
    expect((await panel.admin('GET', '/admin/api/metrics?window=2h')).body.error.param).toBe('window');
  });

  it('filters the audit by time and actor', async () => {
    const future = new Date(Date.now() + 86_400_000).toISOString();
    expect((await panel.admin('GET', `/admin/api/audit?from=${future}`)).body.items).toEqual([]);
    expect((await panel.admin('GET', `/admin/api/audit?to=${future}&limit=1`)).body.nextCursor).toEqual(expect.any(String));
    const mine = (await panel.admin('GET', `/admin/api/audit?actor=user/${member.id}`)).body.items;
    expect(mine.length).toBeGreaterThan(0);
    for (const item of mine) expect(item.actor).toBe(`user/${member.id}`);
    expect((await panel.admin('GET', '/admin/api/audit?from=yesterday')).body.error.param).toBe('from');
  });
});
