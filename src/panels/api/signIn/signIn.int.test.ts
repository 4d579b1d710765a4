/** Signing in by GitHub and OIDC, as a browser does it, and as those do who want what is not theirs. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from '../../../infra/database/port.js';
import { openTestPanel, type TestPanel } from '../testing/panel.js';
import { clientId, clientSecret, type StandIn, startStandIn } from '../testing/providers.js';

let panel: TestPanel;
let standIn: StandIn;
let visitor = 0;
beforeAll(async () => {
  standIn = await startStandIn();
  panel = await openTestPanel({
    signIn: {
      publicUrl: '',
      trustedProxies: [],
      github: { clientId, clientSecret, url: standIn.url, apiUrl: standIn.url },
      oidc: { issuer: standIn.url, clientId, clientSecret, name: 'Example' },
    },
  });
});
afterAll(async () => {
  await panel.close();
  await standIn.close();
});
beforeEach(() => {
  visitor += 1;
  standIn.down = false;
  standIn.twist = (claims) => claims;
});

type Way = 'github' | 'oidc';

/** A browser: keeps what it is given, follows nothing by itself. */
async function go(path: string, cookie = ''): Promise<{ status: number; location: string; cookies: string[]; text: string }> {
  const url = new URL(path, panel.base);
  const headers = { cookie, 'x-test-address': `198.51.100.${visitor}` };
  const response = await fetch(panel.base + url.pathname + url.search, { headers, redirect: 'manual' });
  const cookies = response.headers.getSetCookie().map((line) => line.split(';')[0] ?? '');
  return { status: response.status, location: response.headers.get('location') ?? '', cookies, text: await response.text() };
}

const person = (id: number, more: object = {}): Record<string, unknown> => ({
  sub: `s${id}`,
  id,
  login: `user${id}`,
  preferred_username: `user${id}`,
  ...more,
});

async function begin(way: Way, cookie?: string, query = ''): Promise<{ flow: string; back: URL }> {
  const start = await go(`/auth/${way}${query}`, cookie);
  expect(start.status).toBe(302);
  return { flow: start.cookies[0] ?? '', back: standIn.visit(start.location) };
}

async function signIn(way: Way): ReturnType<typeof go> {
  const { flow, back } = await begin(way);
  return go(back.href, flow);
}

const sessionOf = (answer: { cookies: string[] }): string => answer.cookies.find((one) => one.startsWith('user_session=')) ?? '';
const whoIs = async (cookie: string) => (await panel.call('GET', '/auth/session', { headers: { cookie } })).body.user;
const byEmail = async (email: string) => panel.db.query<{ id: string; via: string }>(sql`select id, via from users where email = ${email}`);

describe.each(['github', 'oidc'] as const)('a sign-in by %s', (way) => {
  const base = way === 'github' ? 1_000 : 2_000;
  const known = (id: number, email: string | null, verified = true): void => {
    standIn.person = person(base + id, email === null ? {} : { email, email_verified: verified });
    standIn.emails = email === null ? [] : [{ email, primary: true, verified }];
  };

  it('makes a member, lands on a page of ours, and finds the same member again', async () => {
    known(1, `one@${way}.example`);
    const first = await signIn(way);
    expect([first.status, first.text]).toEqual([200, expect.stringContaining('content="0;url=/panel"')]);
    expect(first.cookies).toContain('sign_in_flow=');
    const user = await whoIs(sessionOf(first));
    expect(user).toMatchObject({ username: `user${base + 1}`, email: `one@${way}.example`, status: 'active' });
    expect((await whoIs(sessionOf(await signIn(way)))).id).toBe(user.id);
    const { body } = await panel.admin('GET', `/admin/api/users/${user.id}`);
    expect(body).toMatchObject({ identities: [way], lastSignIn: { method: way } });
    expect(JSON.stringify(await panel.db.query(sql`select data from archive`))).not.toContain('upstream-access-token');
  });

  it('asks with PKCE and state, and sends the secret nowhere near the browser', async () => {
    const start = await go(`/auth/${way}`);
    const asked = new URL(start.location).searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    expect(asked.get('state')?.length).toBeGreaterThan(20);
    expect(asked.get('redirect_uri')).toBe(`${panel.base}/auth/${way}/callback`);
    expect(start.location).not.toContain('secret');
  });

  it('refuses another state, no flow, another way’s flow and a code used before', async () => {
    known(2, null);
    const { flow, back } = await begin(way);
    const other = new URL(back);
    other.searchParams.set('state', 'x'.repeat(43));
    expect((await go(other.href, flow)).location).toBe('/login?error=sign_in_failed');
    expect((await go(back.href)).location).toBe('/login?error=sign_in_expired');
    expect((await go(back.href, `${flow}x`)).location).toBe('/login?error=sign_in_expired');
    const foreign = await begin(way === 'github' ? 'oidc' : 'github');
    expect((await go(back.href, foreign.flow)).location).toBe('/login?error=sign_in_expired');
    expect((await go(back.href, flow)).status).toBe(200);
    const again = await go(back.href, flow);
    expect([again.status, again.location, sessionOf(again)]).toEqual([302, '/login?error=sign_in_failed', '']);
  });

  it('refuses a flow that is too old', async () => {
    const { flow, back } = await begin(way);
    panel.clock.offset = 10 * 60_000 + 1;
    const late = await go(back.href, flow);
    panel.clock.offset = 0;
    expect(late.location).toBe('/login?error=sign_in_expired');
  });

  it('says that somebody changed their mind, and takes no parameter twice', async () => {
    const { flow, back } = await begin(way);
    const denied = new URL(back);
    denied.searchParams.delete('code');
    denied.searchParams.set('error', 'access_denied');
    expect((await go(denied.href, flow)).location).toBe('/login?error=sign_in_cancelled');
    expect((await go(`${back.href}&code=two`, flow)).location).toMatch(/^\/login\?error=/);
  });

  it('leads nowhere but to our own pages', async () => {
    for (const query of ['next=https://evil.example', 'redirect_uri=https://evil.example', 'returnTo=//evil.example']) {
      expect((await go(`/auth/${way}?${query}`)).status).toBe(400);
    }
    known(3, null);
    const { flow, back } = await begin(way);
    back.searchParams.set('next', '//evil.example');
    const landed = await go(back.href, flow);
    expect(landed.text).not.toContain('evil');
  });

  it('does not take over the account of another member’s address', async () => {
    const ada = await panel.member(`ada-${way}`);
    known(4, ada.email);
    const answer = await signIn(way);
    expect([answer.location, sessionOf(answer)]).toEqual(['/login?error=account_exists', '']);
    known(5, ada.email, false);
    const own = await whoIs(sessionOf(await signIn(way)));
    expect([own.email, own.id === ada.id]).toEqual([null, false]);
    expect(await byEmail(ada.email)).toHaveLength(1);
  });

  it('enters the account that an admin made for this address, once', async () => {
    const email = `made@${way}.example`;
    const { body } = await panel.admin('POST', '/admin/api/users', { username: 'made', email });
    known(6, email);
    expect((await whoIs(sessionOf(await signIn(way)))).id).toBe(body.id);
    known(7, email);
    expect((await signIn(way)).location).toBe('/login?error=account_exists');
  });

  it('is added to an account by its member, and by nobody else', async () => {
    const bob = await panel.member(`bob-${way}`);
    known(8, bob.email);
    expect((await go(`/auth/${way}?link=true`)).status).toBe(401);
    const { flow, back } = await begin(way, bob.cookie, '?link=true');
    const linked = await go(back.href, flow);
    expect([linked.status, sessionOf(linked)]).toEqual([200, '']);
    expect((await whoIs(sessionOf(await signIn(way)))).id).toBe(bob.id);
    const eve = await panel.member(`eve-${way}`);
    const theft = await begin(way, eve.cookie, '?link=true');
    expect((await go(theft.back.href, theft.flow)).location).toBe('/login?error=identity_taken');
    known(9, null);
    const late = await begin(way, eve.cookie, '?link=true');
    await panel.admin('POST', `/admin/api/users/${eve.id}/revoke-sessions`);
    expect((await go(late.back.href, late.flow)).location).toBe('/login?error=unauthenticated');
  });

  it('lets no banned member in, makes new ones wait or none at all, and gives each name once', async () => {
    known(10, null);
    const user = await whoIs(sessionOf(await signIn(way)));
    await panel.admin('POST', '/admin/api/users/batch-ban', { ids: [user.id] });
    expect((await signIn(way)).location).toBe('/login?error=user_banned');
    await panel.admin('PUT', '/admin/api/config', { require_approval: true });
    known(11, null);
    standIn.person = { ...standIn.person, login: user.username, preferred_username: user.username };
    const waiting = await whoIs(sessionOf(await signIn(way)));
    expect(waiting).toMatchObject({ status: 'pending', username: `${user.username}-2` });
    await panel.admin('PUT', '/admin/api/config', { require_approval: null, self_use_enabled: true });
    expect((await signIn(way)).status).toBe(200);
    known(12, null);
    expect((await signIn(way)).location).toBe('/login?error=sign_up_closed');
    await panel.admin('PUT', '/admin/api/config', { self_use_enabled: null });
  });

  it('says when the provider is down', async () => {
    known(13, null);
    const { flow, back } = await begin(way);
    standIn.down = true;
    expect((await go(back.href, flow)).location).toMatch(/error=(sign_in_failed|provider_unavailable)$/);
  });

  it('is bounded per address', async () => {
    const answers = await Promise.all(Array.from({ length: 70 }, () => go(`/auth/${way}/callback`)));
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(10);
  });
});

describe('an ID token', () => {
  it.each([
    ['of another nonce', (claims: object) => ({ ...claims, nonce: 'other' })],
    ['for another client', (claims: object) => ({ ...claims, aud: 'somebody-else' })],
    ['of another issuer', (claims: object) => ({ ...claims, iss: 'https://evil.example' })],
    ['that has run out', (claims: object) => ({ ...claims, exp: 1_000_000_000 })],
  ])('%s is refused', async (_name, twist) => {
    standIn.person = person(3_000);
    standIn.twist = twist;
    const answer = await signIn('oidc');
    expect([answer.location, sessionOf(answer)]).toEqual(['/login?error=sign_in_failed', '']);
  });
});

it('a provider that is not set up does not exist', async () => {
  const bare = await openTestPanel();
  for (const path of ['/auth/github', '/auth/oidc/callback']) expect((await fetch(bare.base + path)).status).toBe(404);
  expect((await bare.call('GET', '/auth/providers')).body).toEqual({
    providers: [],
    registration: true,
    selfUse: false,
    requireApproval: false,
  });
  await bare.close();
});

it('the sign-in page is told its buttons', async () => {
  expect((await panel.call('GET', '/auth/providers')).body.providers).toEqual([
    { id: 'github', name: 'GitHub', startPath: '/auth/github' },
    { id: 'oidc', name: 'Example', startPath: '/auth/oidc' },
  ]);
});
