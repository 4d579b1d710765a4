import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { DatabaseError } from '../../infra/database/errors.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import { defineRoute } from './define.js';
import type { PanelContext } from './deps.js';
import { mount } from './mount.js';
import { createSessionSigner } from './session.js';

const rows = [
  defineRoute({
    method: 'get',
    path: '/things/:id',
    access: 'public',
    summary: 'One thing.',
    status: 200,
    query: z.strictObject({ q: z.string().optional() }),
    response: z.unknown(),
    handle: async ({ params, query }) => ({ body: { id: params.id, ...query } }),
  }),
  defineRoute({
    method: 'post',
    path: '/things',
    access: 'public',
    summary: 'Make a thing.',
    status: 201,
    body: z.strictObject({ name: z.string().max(1_000) }),
    response: z.unknown(),
    handle: async ({ body }) => ({ body }),
  }),
  defineRoute({ method: 'post', path: '/empty', access: 'public', summary: 'Nothing.', status: 204, handle: async () => ({}) }),
  defineRoute({
    method: 'post',
    path: '/refuse',
    access: 'public',
    summary: 'Refuses.',
    status: 204,
    handle: async () => {
      throw new AppError('quota_exceeded', { retryAfterSeconds: 1.2, extra: { quota: 'daily' }, param: 'x' });
    },
  }),
  defineRoute({
    method: 'get',
    path: '/lost',
    access: 'public',
    summary: 'Has lost its store.',
    status: 200,
    handle: async () => {
      throw new DatabaseError('unavailable', 'cannot read /secret/path');
    },
  }),
  defineRoute({
    method: 'get',
    path: '/crash',
    access: 'public',
    summary: 'Crashes.',
    status: 200,
    handle: async () => {
      throw new TypeError('the secret is 12345');
    },
  }),
  defineRoute({
    method: 'get',
    path: '/admin/thing',
    access: 'admin',
    summary: 'For admins.',
    status: 200,
    response: z.unknown(),
    handle: async ({ caller }) => ({ body: caller }),
  }),
  defineRoute({
    method: 'post',
    path: '/admin/thing',
    access: 'admin',
    summary: 'For admins.',
    status: 200,
    response: z.unknown(),
    handle: async ({ caller }) => ({ body: caller }),
  }),
  defineRoute({
    method: 'post',
    path: '/user/thing',
    access: 'member',
    summary: 'For members.',
    status: 200,
    response: z.unknown(),
    handle: async ({ caller }) => ({ body: caller }),
  }),
];

const users = new Map([['u1', { id: 'u1', status: 'active', sessionVersion: 1 }]]);
const logged: unknown[] = [];
const sessions = {
  admin: createSessionSigner({ purpose: 'admin', secret: 'admin secret', clock: systemClock }),
  user: createSessionSigner({ purpose: 'user', secret: 'user secret', clock: systemClock }),
};
const banned = new Set<string>();
const noneEnded = { isEnded: () => false, count: () => 0, adminVersion: () => 0 };
const context = (adminApiKey: string) =>
  ({
    adminApiKey,
    sessions,
    ids: createIds(systemClock),
    clientAddress: () => '192.0.2.7',
    closing: new AbortController().signal,
    logger: { error: (...line: unknown[]) => logged.push(line) },
    directory: {
      user: (id: string) => users.get(id),
      catchUp: async () => undefined,
      isBanned: (ip: string) => banned.has(ip),
      sessions: noneEnded,
    },
    clock: systemClock,
  }) as unknown as PanelContext;

let servers: Server[];
let base: string;
let keylessBase: string;
const listen = (adminApiKey: string) =>
  new Promise<Server>((resolve) => {
    const server = createServer(mount(rows, context(adminApiKey))).listen(0, '127.0.0.1', () => resolve(server));
  });
beforeAll(async () => {
  servers = [await listen('script-key'), await listen('')];
  [base, keylessBase] = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`) as [string, string];
});
afterAll(() => {
  for (const server of servers) server.close();
});

interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown> & { error?: Record<string, unknown> };
}
async function call(path: string, init: RequestInit = {}, at = base): Promise<Answer> {
  const response = await fetch(at + path, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) };
}
const json = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

describe('a mounted row', () => {
  it('answers with its status and our request id, uncached, under a strict policy', async () => {
    const { status, body, headers } = await call('/things', json({ name: 'a' }));
    expect([status, body]).toEqual([201, { name: 'a' }]);
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(headers.get('content-security-policy')).not.toContain('unsafe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-powered-by')).toBeNull();
    expect((await call('/empty', { method: 'POST' })).status).toBe(204);
  });

  it('gives back markup as JSON that no browser takes for a page', async () => {
    const name = '<script>alert(1)</script>';
    const response = await fetch(`${base}/things`, json({ name }));
    const text = await response.text();
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(text).not.toContain('<script>');
    expect(JSON.parse(text)).toEqual({ name });
  });

  it.each([
    ['/things/a?nope=1', {}, 400, 'nope'],
    ['/things/a?q=1&q=2', {}, 400, 'q'],
    ['/things/a?__proto__=1', {}, 400, '__proto__'],
    ['/things/a%20b', {}, 400, 'id'],
    ['/things/%E0%A4%A', {}, 400, null],
    ['/things', json({ name: 1 }), 400, 'name'],
    ['/things', json({ name: 'a', extra: 1 }), 400, 'extra'],
    ['/things', json({}), 400, 'name'],
    ['/things', json('{"name":'), 400, null],
    ['/things', json('null'), 400, 'body'],
    ['/things', json('[]'), 400, 'body'],
    ['/things', { method: 'POST' }, 400, 'name'],
    ['/empty', json({ x: 1 }), 400, 'x'],
    ['/things', { method: 'POST', body: 'name=a', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415, null],
    ['/things', { method: 'POST', body: '{"name":"a"}', headers: { 'content-type': 'text/plain' } }, 415, null],
    ['/things', json({ name: 'a' }, { 'content-encoding': 'zstd-x' }), 415, null],
    ['/things', json({ name: 'x'.repeat(9_000_000) }), 413, null],
    ['/nowhere', {}, 404, null],
    ['/things', {}, 405, null],
    ['/admin/thing', { method: 'DELETE' }, 405, null],
  ] as [string, RequestInit, number, string | null][])('refuses %s %o in the one shape', async (path, init, status, param) => {
    const answer = await call(path, init);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatchObject({ param, message: expect.any(String), type: expect.any(String), code: expect.any(String) });
  });

  it('says which methods a path answers', async () => {
    expect((await call('/admin/thing', { method: 'DELETE' })).headers.get('allow')).toBe('GET, POST');
  });

  it('renders a coded refusal with its extras and whole seconds', async () => {
    const { status, headers, body } = await call('/refuse', { method: 'POST' });
    expect([status, headers.get('retry-after')]).toEqual([429, '2']);
    expect(body.error).toEqual({
      message: 'The quota is used up.',
      type: 'rate_limit_error',
      code: 'quota_exceeded',
      param: 'x',
      quota: 'daily',
    });
  });

  it('says that the stores are out of reach, and when to come back', async () => {
    const { status, headers, body } = await call('/lost');
    expect([status, body.error?.code, headers.get('retry-after')]).toEqual([503, 'storage_unavailable', '2']);
    expect(JSON.stringify(body)).not.toContain('/secret/path');
    logged.length = 0;
  });

  it('tells the log, and not the client, what crashed', async () => {
    const { status, body } = await call('/crash');
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toMatch(/secret|TypeError|at /);
    expect(logged).toHaveLength(1);
  });
});

describe('access', () => {
  const member = sessions.user.issue('u1', 1);
  const adminSession = sessions.admin.issue('admin', 0);
  const asMember = { cookie: `user_session=${member.cookie}` };
  const asAdmin = { cookie: `theme=dark; admin_session=${adminSession.cookie}` };

  it('refuses strangers, and made-up sessions and keys, with 401', async () => {
    const madeUp = [
      {},
      { cookie: 'admin_session=' },
      { cookie: 'admin_session=admin' },
      { cookie: 'admin_session={}' },
      { cookie: `admin_session=${member.cookie}` },
      {
        cookie: `admin_session=${createSessionSigner({ purpose: 'admin', secret: 'guess', clock: systemClock }).issue('admin', 0).cookie}`,
      },
      { authorization: 'Bearer ' },
      { authorization: 'Bearer undefined' },
      { authorization: 'Bearer script-key2' },
      { authorization: 'Basic script-key' },
    ];
    for (const headers of madeUp) expect((await call('/admin/thing', { headers: headers as Record<string, string> })).status).toBe(401);
  });

  it('lets no empty key in where none is set', async () => {
    for (const authorization of ['Bearer ', 'Bearer', 'Bearer  ', 'Bearer script-key']) {
      expect((await call('/admin/thing', { headers: { authorization } }, keylessBase)).status).toBe(401);
    }
  });

  it('lets the admin key write without a CSRF token', async () => {
    const { status, body } = await call('/admin/thing', json({}, { authorization: 'Bearer script-key' }));
    expect([status, body]).toEqual([200, { kind: 'admin', actor: 'admin-api-key', csrfToken: null, expiresAt: null, sessionId: null }]);
  });

  it('lets an admin session read, and write only with its CSRF token', async () => {
    expect((await call('/admin/thing', { headers: asAdmin })).status).toBe(200);
    expect((await call('/admin/thing', json({}, asAdmin))).body.error?.code).toBe('csrf_mismatch');
    expect((await call('/admin/thing', json({}, { ...asAdmin, 'x-csrf-token': member.csrfToken }))).status).toBe(403);
    expect((await call('/admin/thing', json({}, { ...asAdmin, 'x-csrf-token': adminSession.csrfToken }))).status).toBe(200);
  });

  it('refuses a member on an admin row with 403', async () => {
    expect((await call('/admin/thing', { headers: asMember })).status).toBe(403);
  });

  it('refuses a write before it reads the body', async () => {
    expect((await call('/admin/thing', json('{broken'))).status).toBe(401);
  });

  it('ends a member session when its version moves, the member is banned, or is gone', async () => {
    const write = () => call('/user/thing', json({}, { ...asMember, 'x-csrf-token': member.csrfToken }));
    expect((await write()).status).toBe(200);
    for (const user of [
      { id: 'u1', status: 'active', sessionVersion: 2 },
      { id: 'u1', status: 'banned', sessionVersion: 1 },
    ]) {
      users.set('u1', user);
      expect((await write()).status).toBe(401);
    }
    users.delete('u1');
    expect((await write()).status).toBe(401);
    users.set('u1', { id: 'u1', status: 'active', sessionVersion: 1 });
  });

  it('refuses banned addresses everywhere but in the admin API', async () => {
    banned.add('192.0.2.7');
    expect((await call('/things/a')).body.error?.code).toBe('ip_banned');
    expect((await call('/admin/thing', { headers: asAdmin })).status).toBe(200);
    banned.clear();
  });
});
