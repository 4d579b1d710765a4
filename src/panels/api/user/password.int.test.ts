/** New passwords: a member changes theirs, an admin gives one to who has none that works; sessions of before end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertIdentity } from '../../../commands/user/identities.js';
import { sql } from '../../../infra/database/port.js';
import { type Answer, openTestPanel, type Session, type TestPanel } from '../testing/panel.js';

let panel: TestPanel;
beforeAll(async () => {
  panel = await openTestPanel();
});
afterAll(() => panel.close());

const path = '/user/api/password';
const secret = 'a phrase nobody guesses';
const signIn = (email: string, password: string) => panel.call('POST', '/auth/login', { body: { email, password } });
const change = (as: Session, body: unknown, address = '192.0.2.1') =>
  panel.call('POST', path, { as, body, headers: { 'x-test-address': address } });
const renewed = ({ headers, body }: Answer): Session => ({
  cookie: headers.get('set-cookie')?.split(';')[0] ?? '',
  csrfToken: body.csrfToken,
});
const auditOf = async (userId: string) =>
  (await panel.admin('GET', '/admin/api/audit?type=user.password-changed&limit=100')).body.items.filter(
    ({ targetId }: { targetId: string }) => targetId === userId,
  );
const storedHash = async (userId: string) => (await panel.db.query(sql`select hash from vault_passwords where user_id = ${userId}`))[0];

describe('a member', () => {
  it('is told how they may sign in', async () => {
    const member = await panel.member('carol');
    const told = async () => (await panel.call('GET', '/user/api/sign-in-ways', { as: member })).body;
    expect(await told()).toEqual({ password: true, providers: [] });
    await panel.db.tx((tx) => insertIdentity(tx, { identity: 'hash-of-carol', userId: member.id, provider: 'github', now: 1 }));
    expect(await told()).toEqual({ password: true, providers: ['github'] });
  });
});

describe('a member who changes the password', () => {
  it('goes on in this browser, is signed out of the others, and signs in with the new one alone', async () => {
    const member = await panel.member('ada');
    const elsewhere = await signIn(member.email, member.password);
    const cookie = elsewhere.headers.get('set-cookie')?.split(';')[0] ?? '';
    const answer = await change(member, { current: member.password, password: secret });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('set-cookie')).toMatch(
      /^user_session=[\w.-]+; Max-Age=43200; Path=\/; Expires=.*; HttpOnly; SameSite=Strict$/,
    );
    expect((await panel.call('GET', '/auth/session', { headers: { cookie } })).status).toBe(401);
    expect((await panel.call('GET', '/auth/session', { as: member })).status).toBe(401);
    expect((await panel.call('POST', '/user/api/notifications/read-all', { as: renewed(answer) })).status).toBeLessThan(300);
    expect((await signIn(member.email, member.password)).status).toBe(401);
    expect((await signIn(member.email, secret)).status).toBe(200);
    expect(await auditOf(member.id)).toMatchObject([{ actor: `user/${member.id}`, targetType: 'user', details: { by: 'member' } }]);
  });

  it('keeps the old one and the session when the old one is mistaken', async () => {
    const member = await panel.member('bob');
    const { status, body, headers } = await change(member, { current: 'not it', password: secret });
    expect([status, body.error.code, body.error.param, headers.get('set-cookie')]).toEqual([400, 'invalid_request', 'current', null]);
    expect((await panel.call('GET', '/auth/session', { as: member })).status).toBe(200);
    expect((await signIn(member.email, member.password)).status).toBe(200);
    expect(await auditOf(member.id)).toEqual([]);
  });

  it.each([
    [{ current: 'x' }, 'password'],
    [{ password: secret }, 'current'],
    [{ current: 'x', password: 'short' }, 'password'],
    [{ current: 'x', password: 'x'.repeat(201) }, 'password'],
    [{ current: { $ne: null }, password: secret }, 'current'],
    [{ current: 'x', password: secret, userId: 'somebody' }, 'userId'],
  ])('is refused with %j', async (body, param) => {
    const member = await panel.member(`cyd ${JSON.stringify(body).length} ${param}`.replaceAll(' ', '-'));
    const answer = await change(member, body);
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  });

  it('needs the CSRF token', async () => {
    const member = await panel.member('dora');
    const answer = await panel.call('POST', path, {
      headers: { cookie: member.cookie },
      body: { current: member.password, password: secret },
    });
    expect([answer.status, answer.body.error.code]).toEqual([403, 'csrf_mismatch']);
  });

  it('has twenty tries a minute, wherever they come from', async () => {
    const member = await panel.member('eve');
    const tries = await Promise.all(
      Array.from({ length: 25 }, (_, n) => change(member, { current: 'guess', password: secret }, `198.51.100.${n}`)),
    );
    expect(tries.filter(({ status }) => status === 400)).toHaveLength(20);
    expect(tries.filter(({ status }) => status === 429)).toHaveLength(5);
    expect((await change(member, { current: member.password, password: secret }, '198.51.100.90')).status).toBe(429);
    panel.clock.offset += 60_000;
    expect((await change(member, { current: member.password, password: secret }, '198.51.100.90')).status).toBe(200);
    panel.clock.offset = 0;
  });

  it('does it once where two ask at the same time with the same old one', async () => {
    const member = await panel.member('finn');
    const answers = await Promise.all(
      ['first choice', 'second choice'].map((password) => change(member, { current: member.password, password })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await auditOf(member.id)).toHaveLength(1);
  });

  it('asks an admin where the account has none', async () => {
    const member = await panel.member('gil');
    await panel.db.query(sql`delete from vault_passwords where user_id = ${member.id}`);
    const { status, body } = await change(member, { current: '', password: secret });
    expect([status, body.error.code]).toEqual([409, 'conflict']);
  });
});

describe('an admin who gives a member a password', () => {
  const give = (id: string, body: unknown = { password: secret }) => panel.admin('POST', `/admin/api/users/${id}/password`, body);

  it('lets in who had none, and the audit says so without it', async () => {
    const { id } = (await panel.admin('POST', '/admin/api/users', { username: 'hal', email: 'hal@example.com' })).body;
    expect((await signIn('hal@example.com', secret)).status).toBe(401);
    expect((await give(id)).status).toBe(204);
    expect((await signIn('hal@example.com', secret)).status).toBe(200);
    expect(await auditOf(id)).toMatchObject([{ actor: 'admin-api-key', details: { by: 'admin' } }]);
    const archive = JSON.stringify(await panel.db.query(sql`select * from archive`));
    const { hash } = (await storedHash(id)) as { hash: string };
    for (const trace of [secret, hash]) expect(archive).not.toContain(trace);
  });

  it('ends the sessions of before', async () => {
    const member = await panel.member('ivy');
    expect((await give(member.id)).status).toBe(204);
    expect((await panel.call('GET', '/auth/session', { as: member })).status).toBe(401);
    expect((await signIn(member.email, member.password)).status).toBe(401);
    expect((await signIn(member.email, secret)).status).toBe(200);
  });

  it('lets nobody in who is banned', async () => {
    const member = await panel.member('jo');
    await panel.admin('POST', '/admin/api/users/batch-ban', { ids: [member.id] });
    expect((await give(member.id)).status).toBe(204);
    expect((await signIn(member.email, secret)).body.error.code).toBe('user_banned');
  });

  it('is refused for nobody, for a poor password and for what is no password', async () => {
    const member = await panel.member('kim');
    const before = await storedHash(member.id);
    expect((await give('nobody')).status).toBe(404);
    for (const body of [{}, { password: 'short' }, { password: null }, { password: 12_345_678 }]) {
      const answer = await give(member.id, body);
      expect([answer.status, answer.body.error.param]).toEqual([400, 'password']);
    }
    expect(await storedHash(member.id)).toEqual(before);
    expect((await panel.call('GET', '/auth/session', { as: member })).status).toBe(200);
  });

  it('is not a member, not even for themselves', async () => {
    const member = await panel.member('lee');
    const answer = await panel.call('POST', `/admin/api/users/${member.id}/password`, { as: member, body: { password: secret } });
    expect([answer.status, answer.body.error.code]).toEqual([403, 'forbidden']);
  });
});
