import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Member, openTestPanel, type TestPanel } from '../testing/panel.js';

let panel: TestPanel;
let member: Member;
beforeAll(async () => {
  panel = await openTestPanel();
  member = await panel.member('ada');
});
afterAll(() => panel.close());

async function audit(type: string): Promise<Record<string, unknown>[]> {
  return (await panel.admin('GET', `/admin/api/audit?type=${type}`)).body.items;
}

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
    const twice = await panel.admin('POST', '/admin/api/ip-bans', { ip: '203.0.113.9' });
    expect([twice.status, twice.body.error.reason]).toEqual([409, 'banned_already']);
    expect((await panel.admin('DELETE', `/admin/api/ip-bans/${body.id}`)).status).toBe(204);
    expect((await panel.call('GET', '/openapi.json', there)).status).toBe(200);
    for (const ip of ['', 'localhost', '1.2.3', '0.0.0.0/0', '10.0.0.0/33'])
      expect((await panel.admin('POST', '/admin/api/ip-bans', { ip })).body.error.param).toBe('ip');
  });
});

describe('a ban of one’s own address', () => {
  it('wants a second word from who has a session, and does not keep admins from signing in', async () => {
    const as = await panel.adminSession();
    const own = (body: object) => panel.call('POST', '/admin/api/ip-bans', { as, body: { ip: '192.0.2.0/24', ...body } });
    for (const body of [{}, { confirm: false }]) {
      const refused = await own(body);
      expect([refused.status, refused.body.error.code, refused.body.error.param]).toEqual([409, 'conflict', 'ip']);
      expect(refused.body.error.reason).toBe('own_address');
    }
    const banned = await own({ confirm: true });
    expect(banned.status).toBe(201);
    expect((await panel.call('POST', '/auth/login', { body: { email: 'a@b.co', password: 'x' } })).body.error.code).toBe('ip_banned');
    const again = await panel.adminSession();
    expect((await panel.call('DELETE', `/admin/api/ip-bans/${banned.body.id}`, { as: again })).status).toBe(204);
    const script = await panel.admin('POST', '/admin/api/ip-bans', { ip: '192.0.2.1' });
    expect(script.status).toBe(201);
    await panel.admin('DELETE', `/admin/api/ip-bans/${script.body.id}`);
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

describe('an announcement that two admins edit', () => {
  it('is not overwritten by the second, who is told what it says now', async () => {
    const { id } = (await panel.admin('POST', '/admin/api/announcements', { content: 'first' })).body;
    const edit = (body: object) => panel.admin('PATCH', `/admin/api/announcements/${id}`, body);
    const seen = { content: 'first', active: true, allowGuest: false };
    expect((await edit({ content: 'one wrote this', expected: seen })).status).toBe(200);
    const late = await edit({ content: 'other wrote that', expected: seen });
    expect([late.status, late.body.error]).toMatchObject([
      409,
      { code: 'conflict', param: 'content', reason: 'changed_meanwhile', current: { ...seen, content: 'one wrote this' } },
    ]);
    expect((await edit({ active: false, expected: { active: true } })).body.content).toBe('one wrote this');
    expect((await edit({ content: 'without looking' })).status).toBe(200);
    await panel.admin('DELETE', `/admin/api/announcements/${id}`);
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
