import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from '../../../infra/database/port.js';
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
    const own = await panel.member('grace');
    const quota = `/admin/api/users/${own.id}/quota`;
    expect((await panel.admin('PUT', quota, { daily: 7 })).body).toEqual({ daily: 7, monthly: null });
    expect((await panel.admin('PUT', quota, { monthly: 0 })).body).toEqual({ daily: 7, monthly: 0 });
    expect((await panel.call('GET', '/user/api/quota', { as: own })).body).toMatchObject({
      daily: { limit: 7, used: 0, remaining: 7 },
      monthly: { limit: 0, remaining: 0 },
    });
    expect((await panel.admin('PUT', quota, { daily: null, monthly: null })).body).toEqual({ daily: null, monthly: null });
    expect((await panel.call('GET', '/user/api/quota', { as: own })).body).toMatchObject({
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
    [{ name: 'x', allowedModels: ['claude-sonnet-4.5', '<img src=x onerror=alert(1)>'] }, 'allowedModels[1]'],
    [{ name: '\u200b\u202e\u0000' }, 'name'],
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
