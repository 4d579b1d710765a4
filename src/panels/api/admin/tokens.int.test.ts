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
      attempts: 0,
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
    // What is only running is not counted yet, and paused all the same.
    expect((await panel.admin('GET', '/admin/api/tokens/risky')).body).toEqual({ count: 0, threshold: expect.any(Number) });
    const at = panel.clock.now();
    await panel.db.query(sql`insert into token_health (token_id, attempts, successes, failures, last_used_at, last_at, last_id, last_result,
      consecutive_fails, cooled_at, cooled_id) values (${risky}, 1, 0, 1, ${at}, ${at}, 'e1', 'failed', 1, 0, '')`);
    expect((await panel.admin('GET', '/admin/api/tokens/risky')).body.count).toBe(1);
    expect((await panel.admin('POST', '/admin/api/tokens/batch-pause-risky')).body).toEqual({ paused: [risky] });
    expect((await panel.admin('GET', '/admin/api/tokens/risky')).body.count).toBe(0);
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
    expect(first.body).toEqual({
      accepted: 2,
      rejected: [2, 3, 4, 5].map((index) => expect.objectContaining({ index, reason: expect.any(String) })),
    });
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
