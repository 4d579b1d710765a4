import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenUsed } from '../../../events/token/used.js';
import { type Member, openTestPanel, refreshTokenOf, type TestPanel } from '../testing/panel.js';

let panel: TestPanel;
let ada: Member;
let bob: Member;
beforeAll(async () => {
  panel = await openTestPanel();
  ada = await panel.member('ada');
  bob = await panel.member('bob');
});
afterAll(() => panel.close());

const donation = (name: string) => ({
  provider: 'kiro',
  authType: 'social',
  refreshToken: refreshTokenOf(name),
  visibility: 'public',
  name,
});

describe('own keys', () => {
  it('are made, changed and revoked; the key is shown once', async () => {
    const { status, body } = await panel.call('POST', '/user/api/keys', { as: ada, body: { name: 'laptop' } });
    expect([status, body.key]).toEqual([201, expect.stringMatching(/^sk-\w{48}$/)]);
    const patched = await panel.call('PATCH', `/user/api/keys/${body.id}`, { as: ada, body: { name: '<b>desk</b>', rpmLimit: 3 } });
    expect(patched.body).toMatchObject({ id: body.id, name: '<b>desk</b>', rpmLimit: 3, status: 'active', requests: 0 });
    expect((await panel.call('PATCH', `/user/api/keys/${body.id}`, { as: ada, body: {} })).body).toEqual(patched.body);
    expect((await panel.call('GET', '/user/api/keys', { as: ada })).body.items).toEqual([patched.body]);
    expect((await panel.call('PATCH', `/user/api/keys/${body.id}`, { as: ada, body: { rpmLimit: 1_000 } })).body.error.param).toBe(
      'rpmLimit',
    );
    expect((await panel.call('DELETE', `/user/api/keys/${body.id}`, { as: ada })).status).toBe(204);
    expect((await panel.call('GET', '/user/api/keys', { as: ada })).body.items[0].status).toBe('revoked');
  });

  it('run out', async () => {
    const expiresAt = new Date(panel.clock.now() + 60_000).toISOString();
    const { body } = await panel.call('POST', '/user/api/keys', { as: ada, body: { name: 'short', expiresAt } });
    panel.clock.offset = 61_000;
    const item = (await panel.call('GET', '/user/api/keys', { as: ada })).body.items.find((key: { id: string }) => key.id === body.id);
    panel.clock.offset = 0;
    expect(item).toMatchObject({ status: 'expired', expiresAt });
  });
});

describe('own tokens', () => {
  it('are given, changed and taken back', async () => {
    const { status, body } = await panel.call('POST', '/user/api/tokens', { as: ada, body: donation('mine') });
    expect(status).toBe(201);
    const patched = await panel.call('PATCH', `/user/api/tokens/${body.id}`, { as: ada, body: { visibility: 'private', dailyCap: 9 } });
    expect(patched.body).toMatchObject({ id: body.id, visibility: 'private', dailyCap: 9, userId: ada.id, status: 'active' });
    expect((await panel.call('GET', '/user/api/tokens', { as: ada })).body.items).toHaveLength(1);
    expect((await panel.call('GET', '/user/api/stats', { as: ada })).body.donatedTokens).toBe(1);
    expect((await panel.call('DELETE', `/user/api/tokens/${body.id}`, { as: ada })).status).toBe(200);
    expect((await panel.call('GET', '/user/api/tokens', { as: ada })).body.items).toEqual([]);
  });

  it('cannot be given in another name, nor point an upstream anywhere', async () => {
    for (const extra of [{ userId: bob.id }, { ownerId: bob.id }, { baseUrl: 'http://169.254.169.254/' }]) {
      const answer = await panel.call('POST', '/user/api/tokens', { as: ada, body: { ...donation('foreign'), ...extra } });
      expect([answer.status, answer.body.error.param]).toEqual([400, Object.keys(extra)[0]]);
    }
  });
});

describe("another member's things", () => {
  it('do not exist: same answer as for ids that were never given out', async () => {
    const token = (await panel.call('POST', '/user/api/tokens', { as: ada, body: donation('private') })).body.id;
    const key = (await panel.call('POST', '/user/api/keys', { as: ada, body: { name: 'private' } })).body.id;
    for (const [method, path, body] of [
      ['PATCH', `/user/api/tokens/${token}`, { name: 'stolen' }],
      ['PATCH', `/user/api/tokens/${token}`, {}],
      ['PATCH', `/user/api/tokens/${token}`, { visibility: 'private' }],
      ['DELETE', `/user/api/tokens/${token}`, undefined],
      ['PATCH', `/user/api/keys/${key}`, { name: 'stolen' }],
      ['PATCH', `/user/api/keys/${key}`, {}],
      ['DELETE', `/user/api/keys/${key}`, undefined],
    ] as const) {
      const foreign = await panel.call(method, path, { as: bob, ...(body === undefined ? {} : { body }) });
      const unknown = await panel.call(method, path.replace(/[^/]+$/, 'neverexisted'), {
        as: bob,
        ...(body === undefined ? {} : { body }),
      });
      expect([path, foreign.status, foreign.body]).toEqual([path, 404, unknown.body]);
    }
    expect((await panel.call('GET', '/user/api/tokens', { as: bob })).body.items).toEqual([]);
    expect((await panel.call('GET', '/user/api/keys', { as: bob })).body.items).toEqual([]);
    expect(panel.directory.token(token)).toMatchObject({ name: 'private', visibility: 'public' });
  });
});

describe('activity and statistics', () => {
  it('show the requests of the member alone, newest first, without telling which pooled token served', async () => {
    const use = (userId: string, requestId: string) => ({
      type: tokenUsed.type,
      subject: 'token/t1',
      data: { ...tokenUsed.example, userId, requestId, tokenId: 't1', startedAt: panel.clock.now() },
    });
    await panel.traffic([use(ada.id, 'r1'), use(bob.id, 'r2'), use(ada.id, 'r3')]);
    const { body } = await panel.call('GET', '/user/api/activity', { as: ada });
    expect(body.items.map((item: { requestId: string }) => item.requestId).sort()).toEqual(['r1', 'r3']);
    expect(body.items[0]).toMatchObject({ model: 'claude-sonnet-4-5', status: 200, outcome: 'completed', latencyMs: 2345.678 });
    expect(JSON.stringify(body)).not.toContain('t1"');
    expect((await panel.call('GET', '/user/api/stats', { as: ada })).body).toMatchObject({ totalRequests: 2, successRate: 1 });
    const all = await panel.admin('GET', `/admin/api/activity?userId=${bob.id}&status=200&model=claude-sonnet-4-5`);
    expect(all.body.items).toMatchObject([{ requestId: 'r2', userId: bob.id, tokenId: 't1' }]);
    expect((await panel.admin('GET', '/admin/api/activity?limit=2')).body.nextCursor).toEqual(expect.any(String));
    expect((await panel.admin('GET', '/admin/api/metrics')).body).toMatchObject({
      totalRequests: 3,
      byModel: { 'claude-sonnet-4-5': 3 },
      byStatus: { 200: 3 },
    });
    for (const status of ['abc', '99', '600'])
      expect((await panel.admin('GET', `/admin/api/activity?status=${status}`)).body.error.param).toBe('status');
    expect((await panel.call('GET', `/user/api/activity?userId=${bob.id}`, { as: ada })).body.error.param).toBe('userId');
  });
});

describe('quota', () => {
  it('is read live, with the ends of the UTC day and month', async () => {
    const { body } = await panel.call('GET', '/user/api/quota', { as: ada });
    const now = new Date(panel.clock.now());
    expect(body.daily.resetAt).toBe(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1)).toISOString());
    expect(body.monthly.resetAt).toBe(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)).toISOString());
  });
});

describe('notifications', () => {
  it('tell of a quota with its figures, and with a time that people read', async () => {
    const eve = await panel.member('eve-warned');
    const resetAt = Date.UTC(2026, 10, 24);
    const data = { quota: 'daily', used: 400, limit: 500, resetAt, keyId: null };
    await panel.traffic([{ type: 'kirogate.quota.warned', subject: `user/${eve.id}`, data }]);
    const { items } = (await panel.call('GET', '/user/api/notifications', { as: eve })).body;
    expect(items).toMatchObject([
      { type: 'quota_warning', data: { kind: 'quota', period: 'daily', used: 400, limit: 500, resetAt: '2026-11-24T00:00:00.000Z' } },
    ]);
    expect(items[0].message).toContain('2026-11-24 00:00 UTC');
  });

  it('tell of a suspended token, are read one by one or all, and are the owner’s alone', async () => {
    for (const name of ['n1', 'n2']) {
      const { body } = await panel.call('POST', '/user/api/tokens', { as: ada, body: donation(name) });
      await panel.admin('POST', `/admin/api/tokens/${body.id}/pause`);
    }
    const list = async (as: Member, query = '') => (await panel.call('GET', `/user/api/notifications${query}`, { as })).body.items;
    const [newest] = await list(ada);
    expect(newest).toMatchObject({ type: 'token_suspended', read: false });
    expect(newest.data).toEqual({ kind: 'token', tokenId: newest.tokenId, tokenName: 'n2', reason: 'admin' });
    expect(await list(bob)).toEqual([]);
    expect((await panel.call('POST', `/user/api/notifications/${newest.id}/read`, { as: bob })).status).toBe(404);
    expect((await panel.call('POST', `/user/api/notifications/${newest.id}/read`, { as: ada })).body).toEqual({ changed: 1 });
    expect((await list(ada))[0].read).toBe(true);
    expect(await list(ada, '?unread=true')).toHaveLength(1);
    expect((await panel.call('POST', '/user/api/notifications/read-all', { as: ada })).body).toEqual({ changed: 1 });
    expect(await list(ada, '?unread=true')).toEqual([]);
  });
});
