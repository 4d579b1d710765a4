/** Faults that a reading from outside once found, each so that it cannot come back. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROXY_API_KEY, type Service, startService } from './support/service.js';
import { until } from './support/until.js';

let service: Service;
let key: string;
let userId: string;

beforeAll(async () => {
  service = await startService();
  const { refreshToken } = service.sim.addCredential({ kind: 'social' });
  await service.admin.post('/admin/api/tokens', { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' });
  ({ key, userId } = await service.admin.member('reviewer'));
});
afterAll(() => service.stop());

interface Answer {
  status: number;
  code: string | undefined;
  body: { choices?: { message: { content: string | null } }[]; error?: { code: string; message: string } };
}

async function chat(body: Record<string, unknown>, as = key): Promise<Answer> {
  const response = await fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'hi' }], ...body }),
  });
  const answer = (await response.json()) as Answer['body'];
  return { status: response.status, code: answer.error?.code, body: answer };
}

describe('model names that every object has', () => {
  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    '%s is passed on like any unknown one and harms nobody',
    async (model) => {
      for (let i = 0; i < 10; i += 1) expect([404, 400]).toContain((await chat({ model })).status);
      const [token] = await service.admin.all<{ status: string; consecutiveFails: number }>('/admin/api/tokens');
      expect(token).toMatchObject({ status: 'active', consecutiveFails: 0 });
      expect((await chat({})).status).toBe(200);
    },
  );
});

describe('a model that no token may use', () => {
  it('is 404 each time, not only the first', async () => {
    for (let i = 0; i < 3; i += 1)
      expect(await chat({ model: 'claude-nobody-has-9' })).toMatchObject({ status: 404, code: 'model_not_found' });
  });
});

describe('replies with nothing to say', () => {
  it('a reply that only thought is asked for once more before a whole answer goes out', async () => {
    const before = service.sim.witness().overall.requests;
    const answer = await chat({
      model: 'claude-opus-4.7',
      reasoning_effort: 'high',
      messages: [{ role: 'user', content: '[[sim think Hm.]] [[sim quiet]]' }],
    });
    expect(answer.status).toBe(200);
    expect(service.sim.witness().overall.requests - before).toBe(2);
  });
});

describe('a prompt far over the window', () => {
  it('is a 400 in the words that make clients compact, without an upstream call', async () => {
    const before = service.sim.witness().overall.requests;
    const answer = await chat({ messages: [{ role: 'user', content: 'word '.repeat(400_000) }] });
    expect(answer).toMatchObject({ status: 400, code: 'context_length_exceeded' });
    expect(answer.body.error?.message).toContain('prompt is too long');
    expect(service.sim.witness().overall.requests).toBe(before);
  });
});

describe('bodies and lists', () => {
  it('take a byte order mark in front of the JSON', async () => {
    const response = await fetch(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: Buffer.concat([
        Buffer.from([0xef, 0xbb, 0xbf]),
        Buffer.from('{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}]}'),
      ]),
    });
    expect(response.status).toBe(200);
  });

  it('show a key the models it may use, and as many as it asks for', async () => {
    const narrow = await service.admin.post<{ key: string }>(`/admin/api/users/${userId}/keys`, {
      name: 'narrow',
      allowedModels: ['claude-sonnet-4-5'],
    });
    const list = async (path: string, as: string, anthropic: boolean): Promise<string[]> => {
      const headers = { authorization: `Bearer ${as}`, ...(anthropic && { 'anthropic-version': '2023-06-01' }) };
      const body = (await (await fetch(`${service.url}${path}`, { headers })).json()) as { data: { id: string }[] };
      return body.data.map((model) => model.id);
    };
    expect(await list('/v1/models?limit=2', key, true)).toHaveLength(2);
    const allowed = await list('/v1/models', narrow.key, false);
    expect(allowed).toContain('claude-sonnet-4.5');
    expect(allowed).not.toContain('claude-opus-5');
  });
});

describe("a caller's own token that the upstream locked", () => {
  it('is not sent upstream again', async () => {
    const { id, refreshToken } = service.sim.addCredential({ kind: 'social' });
    const own = `${PROXY_API_KEY}:${refreshToken}`;
    expect((await chat({}, own)).status).toBe(200);
    service.sim.updateCredential(id, { suspended: true });
    expect((await chat({}, own)).status).toBe(502);
    const before = service.sim.witness().overall.requests;
    expect((await chat({}, own)).status).toBe(502);
    expect(service.sim.witness().overall.requests).toBe(before);
  });
});

describe('a second try', () => {
  async function failing(
    env: Record<string, string>,
  ): Promise<{ own: Service; key: string; userId: string; send: () => Promise<Response> }> {
    const own = await startService({ env });
    for (let i = 0; i < 3; i += 1) {
      const { refreshToken } = own.sim.addCredential({ kind: 'social' });
      await own.admin.post('/admin/api/tokens', { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' });
    }
    const member = await own.admin.member('tried');
    const send = (): Promise<Response> =>
      fetch(`${own.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${member.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'hi' }] }),
      });
    own.sim.behave(() => ({ hold: true, error: { status: 500, reason: null, message: 'internal' } }));
    return { own, send, ...member };
  }

  it('is not made for a member who was banned during the first', async () => {
    const { own, send, userId } = await failing({});
    const running = send();
    await until('the first call', () => (own.sim.held() > 0 ? true : undefined));
    await own.admin.post('/admin/api/users/batch-ban', { ids: [userId] });
    own.sim.release();
    expect((await running).status).toBe(502);
    expect(own.sim.witness().overall.requests).toBe(1);
    await own.stop();
  });

  it('is paced like the first', async () => {
    const { own, send } = await failing({ TOKEN_PACING_MIN_MS: '300', TOKEN_PACING_MAX_MS: '300' });
    own.sim.behave(() => ({ error: { status: 500, reason: null, message: 'internal' } }));
    expect((await send()).status).toBe(502);
    const times = own.sim
      .requests()
      .filter((one) => one.operation === 'generate')
      .map((one) => one.at);
    expect(times).toHaveLength(3);
    for (const [i, at] of times.slice(1).entries()) expect(at - (times[i] ?? 0)).toBeGreaterThanOrEqual(295);
    await own.stop();
  });
});

describe('sessions', () => {
  it('signed before a ban stay dead after it', async () => {
    const credentials = { email: 'banned@members.test', password: 'a long password' };
    const post = (path: string, body: unknown): Promise<Response> =>
      fetch(`${service.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const { id } = (await (await post('/auth/register', { username: 'banned', ...credentials })).json()) as { id: string };
    const login = await post('/auth/login', credentials);
    const cookie = login.headers
      .getSetCookie()
      .map((one) => one.split(';')[0])
      .join('; ');
    const session = async (): Promise<number> => (await fetch(`${service.url}/auth/session`, { headers: { cookie } })).status;
    expect(await session()).toBe(200);
    await service.admin.post('/admin/api/users/batch-ban', { ids: [id] });
    expect(await session()).toBe(401);
    await service.admin.post('/admin/api/users/batch-unban', { ids: [id] });
    expect(await session()).toBe(401);
  });
});

describe('an upstream that answers with no frames at all', () => {
  let stub: Server;
  let calls = 0;
  let second: Service;

  beforeAll(async () => {
    stub = createServer((req, res) => {
      req.resume();
      req.on('end', () => {
        if (req.url === '/refreshToken') {
          res.setHeader('content-type', 'application/json');
          res.end(
            JSON.stringify({
              accessToken: 'an-access-token-of-the-stub',
              expiresIn: 3600,
              profileArn: 'arn:aws:codewhisperer:us-east-1:699475941385:profile/ABCDEFGHIJKL',
            }),
          );
          return;
        }
        calls += 1;
        res.setHeader('content-type', 'application/vnd.amazon.eventstream');
        res.end();
      });
    });
    await new Promise<void>((resolve) => stub.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(stub.address() as AddressInfo).port}`;
    second = await startService({ env: { KIRO_AUTH_URL: url, KIRO_OIDC_URL: url, KIRO_API_URL: url, KIRO_MANAGEMENT_URL: url } });
  });
  afterAll(async () => {
    await second.stop();
    await new Promise((resolve) => stub.close(resolve));
  });

  it('is asked once more on the same token, and then its empty reply is handed over', async () => {
    await second.admin.post('/admin/api/tokens', {
      provider: 'kiro',
      authType: 'social',
      refreshToken: 'a-refresh-token-that-only-the-stub-knows',
      visibility: 'public',
    });
    const member = await second.admin.member('empty');
    const response = await fetch(`${second.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${member.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'hi' }] }),
    });
    expect(response.status).toBe(200);
    expect(calls).toBe(2);
  });
});
