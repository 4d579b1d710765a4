import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminPassword, openTestPanel, type TestPanel } from '../testing/panel.js';

let panel: TestPanel;
beforeAll(async () => {
  panel = await openTestPanel();
});
afterAll(() => panel.close());

const from = (address: string) => ({ headers: { 'x-test-address': address } });

describe('the admin', () => {
  it('signs in with the password, gets a cookie no script can read, and is in the audit', async () => {
    const { status, body, headers } = await panel.call('POST', '/admin/login', { body: { password: adminPassword } });
    expect(status).toBe(200);
    expect(body.csrfToken).toMatch(/^[\w-]{32}$/);
    expect(headers.get('set-cookie')).toMatch(/^admin_session=[\w.-]+; Max-Age=43200; Path=\/; Expires=.*; HttpOnly; SameSite=Strict$/);
    const audit = await panel.admin('GET', '/admin/api/audit?type=admin.signed-in');
    expect(audit.body.items[0]).toMatchObject({ actor: 'admin', type: 'kirogate.admin.signed-in' });
  });

  it('ends this one session when signing out, whoever has its cookie, and no other', async () => {
    const [left, other] = [await panel.adminSession(), await panel.adminSession()];
    expect((await panel.call('POST', '/admin/logout', { as: left })).status).toBe(204);
    expect((await panel.call('GET', '/admin/api/session', { as: left })).status).toBe(401);
    expect((await panel.call('PUT', '/admin/api/config', { as: left, body: { token_rpm_limit: 9 } })).status).toBe(401);
    expect((await panel.call('GET', '/admin/api/session', { as: other })).status).toBe(200);
    const audit = await panel.admin('GET', '/admin/api/audit?type=session.ended');
    expect(audit.body.items[0]).toMatchObject({ actor: 'admin', targetType: 'session', targetId: 'admin' });
    expect(JSON.stringify(audit.body)).not.toContain(left.csrfToken);
  });

  it('ends all admin sessions at once, and goes on with a new one', async () => {
    const [own, other] = [await panel.adminSession(), await panel.adminSession()];
    const answer = await panel.call('POST', '/admin/api/sessions/revoke', { as: own });
    expect(answer.status).toBe(200);
    for (const as of [own, other]) expect((await panel.call('GET', '/admin/api/session', { as })).status).toBe(401);
    const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    const next = { cookie, csrfToken: answer.body.csrfToken };
    expect((await panel.call('POST', '/admin/api/announcements', { as: next, body: { content: 'on' } })).status).toBe(201);
    expect((await panel.call('GET', '/admin/api/session', { as: await panel.adminSession() })).status).toBe(200);
    expect((await panel.admin('POST', '/admin/api/sessions/revoke')).body).toEqual({ csrfToken: null });
  });

  it('gets a Secure cookie when the request came over TLS', async () => {
    const { headers } = await panel.call('POST', '/admin/login', {
      body: { password: adminPassword },
      headers: { 'x-forwarded-proto': 'https' },
    });
    expect(headers.get('set-cookie')).toContain('; Secure');
  });

  it.each(['', 'wrong', `${adminPassword} `, adminPassword.slice(0, -1), adminPassword.toUpperCase()])(
    'is refused with the password %j',
    async (password) => {
      const { status, body, headers } = await panel.call('POST', '/admin/login', { body: { password } });
      expect([status, body.error.code, headers.get('set-cookie')]).toEqual([401, 'invalid_login', null]);
    },
  );

  it('knows who it is, and forgets on leaving', async () => {
    const session = await panel.adminSession();
    expect((await panel.call('GET', '/admin/api/session', { as: session })).body).toEqual({ actor: 'admin', csrfToken: session.csrfToken });
    const { status, headers } = await panel.call('POST', '/admin/logout', { as: session });
    expect(status).toBe(204);
    expect(headers.get('set-cookie')).toMatch(/^admin_session=; Path=\/; Expires=Thu, 01 Jan 1970/);
  });

  it('is signed out after twelve hours', async () => {
    const session = await panel.adminSession();
    panel.clock.offset += 12 * 3_600_000 + 1;
    expect((await panel.call('GET', '/admin/api/session', { as: session })).status).toBe(401);
    panel.clock.offset = 0;
  });
});

describe.each([
  ['/admin/login', { password: 'wrong' }, { password: adminPassword }],
  ['/auth/login', { email: 'eve@example.com', password: 'wrong password' }, { email: 'eve@example.com', password: 'password of eve' }],
])('%s', (path, wrong, right) => {
  it('takes twenty wrong tries from one address and minute, also at once, then says when to come back', async () => {
    await panel.call('POST', '/auth/register', { body: { username: 'eve', email: 'eve@example.com', password: 'password of eve' } });
    const address = `198.51.100.${path.length}`;
    const tries = await Promise.all(Array.from({ length: 30 }, () => panel.call('POST', path, { body: wrong, ...from(address) })));
    expect(tries.filter(({ status }) => status === 401)).toHaveLength(20);
    const refused = tries.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(10);
    for (const { headers, body } of refused) {
      expect(body.error.code).toBe('too_many_attempts');
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60);
    }
    expect((await panel.call('POST', path, { body: right, ...from(address) })).status).toBe(429);
    expect((await panel.call('POST', path, { body: right, ...from('198.51.100.77') })).status).toBe(200);
    panel.clock.offset += 60_000;
    expect((await panel.call('POST', path, { body: right, ...from(address) })).status).toBe(200);
    panel.clock.offset = 0;
  });

  it('counts no right ones', async () => {
    for (let i = 0; i < 25; i += 1) expect((await panel.call('POST', path, { body: right, ...from('198.51.100.99') })).status).toBe(200);
  });
});

describe('a member', () => {
  it('signs up, signs in by any spelling of the address, and sees who they are', async () => {
    const signUp = await panel.call('POST', '/auth/register', {
      body: { username: 'Ada', email: 'Ada@Example.com', password: 'password of ada' },
    });
    expect([signUp.status, signUp.body.status]).toEqual([201, 'active']);
    const signIn = await panel.call('POST', '/auth/login', { body: { email: ' ADA@example.com', password: 'password of ada' } });
    expect(signIn.body.id).toBe(signUp.body.id);
    const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? '';
    const session = await panel.call('GET', '/auth/session', { headers: { cookie } });
    expect(session.body).toMatchObject({
      user: { id: signUp.body.id, username: 'Ada', email: 'ada@example.com', status: 'active' },
      csrfToken: signIn.body.csrfToken,
    });
    expect((await panel.call('GET', '/user/api/profile', { headers: { cookie } })).body).toEqual(session.body.user);
  });

  it.each([
    [{ username: 'x', email: 'x@example.com' }, 'password'],
    [{ username: 'x', email: 'x@example.com', password: 'short' }, 'password'],
    [{ username: 'x', email: 'no address', password: 'long enough' }, 'email'],
    [{ username: ' \u0000 ', email: 'x@example.com', password: 'long enough' }, 'username'],
    [{ username: 'x', email: 'x@example.com', password: 'long enough', status: 'active' }, 'status'],
    [{ username: { $ne: null }, email: 'x@example.com', password: 'long enough' }, 'username'],
  ])('cannot sign up with %j', async (body, param) => {
    const answer = await panel.call('POST', '/auth/register', { body });
    expect([answer.status, answer.body.error.param]).toEqual([400, param]);
  });

  it('has one account per address', async () => {
    const body = { username: 'twin', email: 'twin@example.com', password: 'long enough' };
    const answers = await Promise.all([1, 2, 3].map(() => panel.call('POST', '/auth/register', { body })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it('learns the same from a wrong password and an unknown address', async () => {
    await panel.member('bob');
    const wrong = await panel.call('POST', '/auth/login', { body: { email: 'bob@example.com', password: 'nope' } });
    const unknown = await panel.call('POST', '/auth/login', { body: { email: 'nobody@example.com', password: 'nope' } });
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    expect(wrong.body).toEqual(unknown.body);
  });

  it('made by an admin without a password cannot sign in', async () => {
    await panel.admin('POST', '/admin/api/users', { username: 'carol', email: 'carol@example.com' });
    for (const password of ['', 'null', 'password']) {
      expect((await panel.call('POST', '/auth/login', { body: { email: 'carol@example.com', password } })).status).toBe(401);
    }
  });

  it('loses every session at once when they are revoked, and may sign in again', async () => {
    const member = await panel.member('dora');
    expect((await panel.call('GET', '/auth/session', { as: member })).status).toBe(200);
    expect((await panel.admin('POST', `/admin/api/users/${member.id}/revoke-sessions`)).status).toBe(204);
    expect((await panel.call('GET', '/auth/session', { as: member })).status).toBe(401);
    const again = await panel.call('POST', '/auth/login', { body: { email: member.email, password: member.password } });
    expect(again.status).toBe(200);
  });

  it('ends this one session when signing out, whoever has its cookie, and no other', async () => {
    const member = await panel.member('gina');
    const login = () => panel.call('POST', '/auth/login', { body: { email: member.email, password: member.password } });
    const other = await login();
    const cookie = other.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect((await panel.call('POST', '/auth/logout', { as: member })).status).toBe(204);
    expect((await panel.call('GET', '/auth/session', { as: member })).status).toBe(401);
    expect((await panel.call('POST', '/user/api/keys', { as: member, body: { name: 'stolen' } })).status).toBe(401);
    expect((await panel.call('GET', '/auth/session', { headers: { cookie } })).status).toBe(200);
    expect((await login()).status).toBe(200);
  });

  it('who is banned loses the session and is told so at the next sign-in, but only with the right password', async () => {
    const member = await panel.member('finn');
    await panel.admin('POST', '/admin/api/users/batch-ban', { ids: [member.id] });
    expect((await panel.call('GET', '/user/api/profile', { as: member })).status).toBe(401);
    const right = await panel.call('POST', '/auth/login', { body: { email: member.email, password: member.password } });
    expect([right.status, right.body.error.code]).toEqual([403, 'user_banned']);
    expect((await panel.call('POST', '/auth/login', { body: { email: member.email, password: 'wrong' } })).status).toBe(401);
  });

  it('waits where the site wants approval, and cannot sign up where it is for self-use', async () => {
    await panel.admin('PUT', '/admin/api/config', { require_approval: true });
    const body = { username: 'gil', email: 'gil@example.com', password: 'long enough' };
    const waiting = await panel.call('POST', '/auth/register', { body });
    expect(waiting.body.status).toBe('pending');
    expect((await panel.admin('POST', '/admin/api/users/batch-approve', { ids: [waiting.body.id, 'nobody'] })).body).toEqual({
      changed: 1,
    });
    await panel.admin('PUT', '/admin/api/config', { require_approval: null, self_use_enabled: true });
    const closed = await panel.call('POST', '/auth/register', { body: { ...body, email: 'hal@example.com' } });
    expect([closed.status, closed.body.error.code]).toEqual([403, 'sign_up_closed']);
    await panel.admin('PUT', '/admin/api/config', { self_use_enabled: null });
  });

  it('signs out', async () => {
    const member = await panel.member('ivy');
    const { status, headers } = await panel.call('POST', '/auth/logout', { as: member });
    expect([status, headers.get('set-cookie')?.startsWith('user_session=;')]).toEqual([204, true]);
    expect((await panel.call('GET', '/auth/session')).status).toBe(401);
  });
});
