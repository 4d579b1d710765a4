/** The gateway's promises over HTTP: retries, aborts, switches, bans, revocation, charges, and that secrets stay secret. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROXY_API_KEY, type Service, startService } from './support/service.js';
import { until } from './support/until.js';

interface Item {
  type: string;
  data: Record<string, unknown> & {
    requestId: string;
    code?: string;
    charged?: boolean;
    attempts?: { tokenId: string; outcome: string }[];
  };
}
interface Refused {
  error: { code: string; message: string };
}

let service: Service;
let member: { userId: string; keyId: string; key: string };

async function addToken(over: Record<string, unknown> = {}): Promise<{ id: string; credential: string; refreshToken: string }> {
  const credential = service.sim.addCredential({ kind: 'social' });
  const { id } = await service.admin.post<{ id: string }>('/admin/api/tokens', {
    provider: 'kiro',
    authType: 'social',
    refreshToken: credential.refreshToken,
    visibility: 'public',
    ...over,
  });
  return { id, credential: credential.id, refreshToken: credential.refreshToken };
}

function chat(content: string, options: { key?: string; stream?: boolean; signal?: AbortSignal } = {}): Promise<Response> {
  return fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${options.key ?? member.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', stream: options.stream ?? false, messages: [{ role: 'user', content }] }),
    ...(options.signal && { signal: options.signal }),
  });
}

const requestIdOf = (response: Response): string => response.headers.get('x-request-id') ?? '';

/** The terminal event of a request, once it is archived. */
function terminalOf(requestId: string): Promise<Item> {
  return until(`the terminal event of ${requestId}`, async () => {
    const { items } = await service.admin.get<{ items: Item[] }>(`/admin/api/events?correlationId=${requestId}`);
    return items.find((item) => ['kirogate.token.used', 'kirogate.request.failed', 'kirogate.request.cancelled'].includes(item.type));
  });
}

beforeAll(async () => {
  service = await startService();
  await addToken();
  await addToken();
  member = await service.admin.member('caller');
});
afterAll(() => service.stop());

describe('a failing upstream', () => {
  it('is retried on another token before the first output, and the request is one event with two attempts', async () => {
    service.sim.behave([{ error: { status: 500, reason: null, message: 'internal' } }]);
    const response = await chat('try again');
    expect(response.status).toBe(200);
    const terminal = await terminalOf(requestIdOf(response));
    expect(terminal.type).toBe('kirogate.token.used');
    expect(terminal.data.attempts?.map((attempt) => attempt.outcome)).toEqual(['failed', 'success']);
    expect(new Set(terminal.data.attempts?.map((attempt) => attempt.tokenId)).size).toBe(2);
  });

  it('answers 502 after all attempts, charges nothing, and says what the upstream said', async () => {
    const response = await chat('[[sim error 500 - the upstream is sad]]');
    expect(response.status).toBe(502);
    const body = (await response.json()) as Refused;
    expect(body.error.code).toBe('upstream_error');
    const terminal = await terminalOf(requestIdOf(response));
    expect(terminal).toMatchObject({ type: 'kirogate.request.failed', data: { charged: false, code: 'upstream_error' } });
    expect(terminal.data.attempts?.length).toBeLessThanOrEqual(3);
  });

  it('is not retried once output has begun: the stream ends with an error, never with a clean stop (pitfall 45)', async () => {
    const response = await chat('[[sim words 40]] [[sim cut 3]]', { stream: true });
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toContain('"error"');
    expect(text).not.toContain('"finish_reason":"stop"');
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    const terminal = await terminalOf(requestIdOf(response));
    expect(terminal).toMatchObject({ type: 'kirogate.request.failed', data: { charged: true } });
    expect(terminal.data.attempts).toHaveLength(1);
  });

  it('retries an empty reply once and then hands it over as it is (pitfall 64)', async () => {
    const before = service.sim.witness().overall.requests;
    const response = await chat('[[sim empty]]');
    expect(response.status).toBe(200);
    expect(service.sim.witness().overall.requests - before).toBe(2);
    expect(await terminalOf(requestIdOf(response))).toMatchObject({ type: 'kirogate.token.used', data: { charged: true } });
  });
});

describe('a client that leaves', () => {
  it('ends the upstream call within a second, is recorded, and frees the slot', async () => {
    const abort = new AbortController();
    const response = await chat('[[sim stall 2]] long', { stream: true, signal: abort.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    const before = service.sim.witness().overall.aborted;
    abort.abort();
    await until('the upstream to see the abort', () => (service.sim.witness().overall.aborted > before ? true : undefined), 1_000);
    const terminal = await terminalOf(requestIdOf(response));
    expect(terminal).toMatchObject({ type: 'kirogate.request.cancelled', data: { charged: true, status: 499 } });
    await until('the slot to be free', async () => {
      const tokens = await service.admin.all<{ concurrency: { used: number } }>('/admin/api/tokens');
      return tokens.every((token) => token.concurrency.used === 0) ? true : undefined;
    });
  });
});

describe('keys, users and switches', () => {
  it('refuse at once what was revoked, banned or switched off, each with its code', async () => {
    const other = await service.admin.member('fleeting');
    expect((await chat('hi', { key: other.key })).status).toBe(200);

    await service.admin.post('/admin/api/users/batch-ban', { ids: [other.userId] });
    const banned = await chat('hi', { key: other.key });
    expect(banned.status).toBe(403);
    expect(((await banned.json()) as Refused).error.code).toBe('user_banned');
    await service.admin.post('/admin/api/users/batch-unban', { ids: [other.userId] });
    expect((await chat('hi', { key: other.key })).status).toBe(200);

    await service.admin.del(`/admin/api/keys/${other.keyId}`);
    expect((await chat('hi', { key: other.key })).status).toBe(401);

    await service.admin.put('/admin/api/config', { site_enabled: false });
    const closed = await chat('hi');
    expect(closed.status).toBe(503);
    expect(closed.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(((await closed.json()) as Refused).error.code).toBe('site_disabled');
    await service.admin.put('/admin/api/config', { site_enabled: true });

    const ban = await service.admin.post<{ id: string }>('/admin/api/ip-bans', { ip: '127.0.0.0/8', reason: 'test' });
    const address = await chat('hi');
    expect(address.status).toBe(403);
    expect(((await address.json()) as Refused).error.code).toBe('ip_banned');
    await service.admin.del(`/admin/api/ip-bans/${ban.id}`);
    expect((await chat('hi')).status).toBe(200);
  });

  it('serve members from their own tokens only in self-use mode', async () => {
    await service.admin.put('/admin/api/config', { self_use_enabled: true });
    const response = await chat('hi');
    expect(response.status).toBe(503);
    expect(((await response.json()) as Refused).error.code).toBe('no_token_available');
    await service.admin.put('/admin/api/config', { self_use_enabled: false });
  });

  it('let waiting members in only when approved', async () => {
    await service.admin.put('/admin/api/config', { require_approval: true });
    const registered = await fetch(`${service.url}/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'waiting', email: 'waiting@members.test', password: 'a long password' }),
    });
    expect(registered.status).toBe(201);
    const { id, status } = (await registered.json()) as { id: string; status: string };
    expect(status).toBe('pending');
    const { key } = await service.admin.post<{ key: string }>(`/admin/api/users/${id}/keys`, { name: 'early' });
    const early = await chat('hi', { key });
    expect(early.status).toBe(403);
    expect(((await early.json()) as Refused).error.code).toBe('user_pending');
    await service.admin.post('/admin/api/users/batch-approve', { ids: [id] });
    expect((await chat('hi', { key })).status).toBe(200);
    await service.admin.put('/admin/api/config', { require_approval: false });
  });

  it('admit exactly N of a quota of N, and say when it resets', async () => {
    const frugal = await service.admin.member('frugal');
    await service.admin.put(`/admin/api/users/${frugal.userId}/quota`, { daily: 5 });
    const before = service.sim.witness().overall.requests;
    const answers = await Promise.all(Array.from({ length: 30 }, () => chat('hi', { key: frugal.key })));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(5);
    expect(service.sim.witness().overall.requests - before).toBe(5);
    const refused = answers.find((answer) => answer.status === 429);
    const body = (await refused?.json()) as { error: { code: string; quota: string; reset_at: string } };
    expect(body.error).toMatchObject({ code: 'quota_exceeded', quota: 'daily' });
    expect(Date.parse(body.error.reset_at) % 86_400_000).toBe(0);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('never serve a private token to a stranger (pitfall 68)', async () => {
    const tokens = await service.admin.all<{ id: string; name: string | null }>('/admin/api/tokens');
    for (const token of tokens) await service.admin.post(`/admin/api/tokens/${token.id}/pause`);
    const owner = await service.admin.member('owner');
    await addToken({ visibility: 'private', userId: owner.userId });
    expect((await chat('mine', { key: owner.key })).status).toBe(200);
    const stranger = await chat('mine?');
    expect(stranger.status).toBe(503);
    for (const token of tokens) await service.admin.post(`/admin/api/tokens/${token.id}/resume`);
  });
});

describe("the operator's own key", () => {
  it("is served without a quota, and with a caller's own token as `ext-…`", async () => {
    const plain = await chat('hi', { key: PROXY_API_KEY });
    expect(plain.status).toBe(200);
    expect((await terminalOf(requestIdOf(plain))).data).toMatchObject({ userId: 'operator', keyId: 'proxy', metered: false });

    const own = service.sim.addCredential({ kind: 'social' });
    const mine = await chat('hi', { key: `${PROXY_API_KEY}:${own.refreshToken}` });
    expect(mine.status).toBe(200);
    expect((await terminalOf(requestIdOf(mine))).data['tokenId']).toMatch(/^ext-[0-9a-f]+$/);
    expect((await chat('hi', { key: `${PROXY_API_KEY}:wrong-token-of-some-length-000` })).status).toBe(401);
  });
});

describe('secrets', () => {
  it('appear in no log, event, metric or file outside the vault', async () => {
    const marker = 'a-very-private-prompt';
    const { refreshToken } = await addToken({ name: 'marked' });
    await chat(`please remember ${marker}`);
    await chat('hi', { key: `${member.key}x` });
    await until('quiet', async () =>
      (await service.admin.get<{ items: { partitions: { lagEvents: number }[] }[] }>('/admin/api/projections')).items.every((one) =>
        one.partitions.every((p) => p.lagEvents === 0),
      )
        ? true
        : undefined,
    );
    const events = JSON.stringify(await service.admin.all('/admin/api/events?limit=500'));
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    const files = await Promise.all(
      (await readdir(service.dataDir, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile() && entry.name !== 'secrets.json')
        .map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')),
    );
    const haystack = [service.logs(), events, metrics, ...files].join('\n');
    for (const secret of [refreshToken, member.key, PROXY_API_KEY, 'a-password-for-tests', marker]) expect(haystack).not.toContain(secret);
  });
});
