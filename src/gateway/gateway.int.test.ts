/** The gateway on a real port with a scripted upstream: a node that stops, clients that leave or do not read, keys that change meanwhile. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../errors.js';
import { DatabaseError } from '../infra/database/errors.js';
import type { ModelEvent } from '../upstreams/define.js';
import type { GatewayDeps } from './deps.js';
import { createGateway, type Gateway } from './index.js';
import { directoryKey, directoryUser } from './pipeline/testing/fakeDirectory.js';
import { answers, createKit, type Kit, type KitOptions, type Play, stalls, stop, text } from './pipeline/testing/kit.js';

const KEY = 'sk-the-key-of-a-member';
const answer = answers(text('hi'), stop);

let kit: Kit;
let gateway: Gateway;
let server: Server;
let url: string;

async function start(play: Play, over: Partial<GatewayDeps> = {}, options: Partial<KitOptions> = {}): Promise<void> {
  kit = await createKit({ play, ...options, over });
  kit.directory.users.set('u1', directoryUser());
  kit.directory.keys.set('k1', directoryKey());
  kit.directory.hashes.set(createHash('sha256').update(KEY).digest('hex'), 'k1');
  gateway = createGateway(kit.deps);
  server = createServer((req, res) => {
    if (!gateway.handle(req, res)) res.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await gateway.close();
});

const body = (stream: boolean) =>
  JSON.stringify({ model: 'claude-sonnet-4.5', max_tokens: 100, stream, messages: [{ role: 'user', content: 'hello' }] });
function post(options: { stream?: boolean; path?: string; signal?: AbortSignal } = {}): Promise<Response> {
  return fetch(`${url}${options.path ?? '/v1/messages'}`, {
    method: 'POST',
    headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
    body: body(options.stream ?? false),
    ...(options.signal && { signal: options.signal }),
  });
}
const pace = (ms: number): void => kit.directory.set({ token_pacing_min_ms: ms, token_pacing_max_ms: ms });
const eventsOf = (type: string) => kit.events.filter((event) => event.type === type);
const errorOf = async (response: Response): Promise<unknown> => [
  response.status,
  ((await response.json()) as { error: { code: string } }).error.code,
];

/** `random` is asked when pacing begins: that is how a test knows that a request waits. */
function paced(): { random: () => number; began: Promise<void> } {
  let begin = (): void => {};
  const began = new Promise<void>((resolve) => {
    begin = resolve;
  });
  return {
    began,
    random: () => {
      begin();
      return 0;
    },
  };
}

describe('a node that stops', () => {
  it('waits for requests whose turn is yet to come', async () => {
    const { random, began } = paced();
    await start(answer, { random });
    pace(100);
    const response = post();
    await began;
    expect(gateway.inFlight).toBe(1);
    await gateway.idle();
    expect(kit.calls).toHaveLength(1);
    expect(eventsOf('kirogate.token.used')).toHaveLength(1);
    expect((await response).status).toBe(200);
  });

  it('tells those that still wait when it may wait no longer, and charges them nothing', async () => {
    const { random, began } = paced();
    await start(answer, { random });
    pace(60_000);
    const response = post();
    await began;
    gateway.abortAll();
    expect(await errorOf(await response)).toEqual([503, 'node_stopping']);
    await gateway.idle();
    expect(kit.calls).toEqual([]);
    expect(await kit.limits.userUse('u1')).toMatchObject({ dayUsed: 0 });
    expect(eventsOf('kirogate.request.refused')).toMatchObject([{ data: { code: 'node_stopping', status: 503 } }]);
  });

  it('tells a client whose body is slow to come', async () => {
    await start(answer);
    const request = httpRequest(`${url}/v1/messages`, { method: 'POST', headers: { 'x-api-key': KEY, 'content-length': '1000' } });
    request.on('error', () => undefined);
    request.write('{"model":');
    await vi.waitFor(() => expect(gateway.inFlight).toBe(1));
    gateway.abortAll();
    const [response] = (await once(request, 'response')) as [{ statusCode: number }];
    expect(response.statusCode).toBe(503);
    await gateway.idle();
    request.destroy();
  });

  it('ends running streams with an error in the stream, and with their terminal event', async () => {
    await start(stalls(text('half')));
    const response = await post({ stream: true });
    gateway.abortAll();
    const whole = await response.text();
    expect(whole).toContain('half');
    expect(whole).toContain('event: error');
    expect(whole).not.toContain('message_stop');
    await gateway.idle();
    expect(eventsOf('kirogate.request.failed')).toMatchObject([{ data: { code: 'node_stopping', charged: true } }]);
    expect(await kit.inFlight()).toBe(0);
  });
});

describe('a client that leaves', () => {
  it('while it is paced is never admitted, charged or sent', async () => {
    const { random, began } = paced();
    await start(answer, { random });
    pace(60_000);
    const leaver = new AbortController();
    const response = post({ signal: leaver.signal });
    await began;
    leaver.abort();
    await expect(response).rejects.toThrow();
    await gateway.idle();
    expect(kit.admitted).toEqual([]);
    expect(await kit.limits.keyUse('k1')).toBe(0);
    expect(eventsOf('kirogate.request.refused')).toMatchObject([{ data: { code: 'client_closed', status: 499 } }]);
  });

  it('before any output is recorded and charged, since the upstream was called', async () => {
    await start(stalls());
    const leaver = new AbortController();
    const response = post({ signal: leaver.signal });
    await vi.waitFor(() => expect(kit.calls).toHaveLength(1));
    leaver.abort();
    await expect(response).rejects.toThrow();
    await gateway.idle();
    expect(eventsOf('kirogate.request.cancelled')).toMatchObject([{ data: { code: 'client_closed', charged: true, status: 499 } }]);
    expect(await kit.limits.userUse('u1')).toMatchObject({ dayUsed: 1 });
    expect(await kit.inFlight()).toBe(0);
  });
});

describe('a client that does not read', () => {
  it('stops the upstream instead of growing our memory, and ends with its connection (pitfall 49)', async () => {
    const piece = text('x'.repeat(64 * 1024));
    const pieces = 8_192; // 512 MiB in all
    let pulled = 0;
    await start(async function* (call): AsyncGenerator<ModelEvent, void, undefined> {
      call.onHeaders();
      for (; pulled < pieces; pulled += 1) yield piece;
    });
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    const content = JSON.stringify({ model: 'claude-sonnet-4.5', stream: true, messages: [{ role: 'user', content: 'hello' }] });
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: ${KEY}\r\ncontent-length: ${content.length}\r\n\r\n${content}`,
    );
    let before = -1;
    // Full are the buffers of both kernels and ours when nothing has moved for a while; whatever "a while" is, all of it must not fit.
    while (pulled === 0 || pulled !== before) {
      before = pulled;
      for (let i = 0; i < 200; i += 1) await new Promise(setImmediate);
    }
    expect(pulled * 64).toBeLessThan(64 * 1024);
    expect(await kit.inFlight()).toBe(1);
    socket.destroy();
    await gateway.idle();
    expect(pulled).toBeLessThan(pieces);
    expect(eventsOf('kirogate.request.cancelled')).toHaveLength(1);
    expect(await kit.inFlight()).toBe(0);
  });
});

describe('what changes while a request is paced', () => {
  async function during(change: () => void): Promise<unknown> {
    const { random, began } = paced();
    await start(answer, { random });
    pace(50);
    const response = post();
    await began;
    change();
    const refused = await errorOf(await response);
    expect(kit.admitted).toEqual([]);
    return refused;
  }

  it('binds: a revoked key', async () => {
    expect(await during(() => kit.directory.keys.set('k1', directoryKey({ status: 'revoked' })))).toEqual([401, 'invalid_api_key']);
  });
  it('binds: a banned user', async () => {
    expect(await during(() => kit.directory.users.set('u1', directoryUser({ status: 'banned' })))).toEqual([403, 'user_banned']);
  });
  it('binds: models taken from the key', async () => {
    const narrowed = directoryKey({ allowedModels: ['claude-haiku-4.5'] });
    expect(await during(() => kit.directory.keys.set('k1', narrowed))).toEqual([403, 'model_not_allowed']);
  });
  it('binds: the site switched off', async () => {
    expect(await during(() => kit.directory.set({ site_enabled: false }))).toEqual([503, 'site_disabled']);
  });
  it('binds: a banned address', async () => {
    expect(await during(() => kit.directory.bans.add('198.51.100.7'))).toEqual([403, 'ip_banned']);
  });
});

describe('stores out of reach', () => {
  it('are a 503 with a time to come back, not a fault', async () => {
    await start(answer);
    kit.directory.keyByHash = () => Promise.reject(new DatabaseError('unavailable', 'cannot read /somewhere/x.db'));
    const response = await post();
    expect(response.headers.get('retry-after')).toBe('2');
    expect(JSON.stringify(await response.clone().json())).not.toContain('somewhere');
    expect(await errorOf(response)).toEqual([503, 'storage_unavailable']);
  });

  it('refuse before anybody is asked about the key, when the archive is too far behind', async () => {
    await start(answer, { storageUnavailable: () => true });
    kit.directory.keyByHash = () => Promise.reject(new Error('nobody can be asked'));
    expect(await errorOf(await post())).toEqual([503, 'storage_unavailable']);
  });

  it('keep a request waiting as long as they may be back', async () => {
    let looks = 0;
    const away = (): boolean => {
      looks += 1;
      return looks < 4;
    };
    await start(answer, { storageUnavailable: away, storageHoldMs: 60_000 });
    expect((await post()).status).toBe(200);
  });

  it('refuse what this node cannot judge by what the others revoked, and judge by it as soon as it is known', async () => {
    let known = false;
    const unknown = new AppError('storage_unavailable', { retryAfterSeconds: 2 });
    const currency = {
      isCurrent: () => known,
      async current() {
        if (!known) throw unknown;
      },
    };
    await start(answer, { currency });
    expect(await errorOf(await post())).toEqual([503, 'storage_unavailable']);
    expect((await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${KEY}` } })).status).toBe(503);
    expect(kit.calls).toEqual([]);
    expect(await kit.limits.userUse('u1')).toMatchObject({ dayUsed: 0 });
    known = true;
    expect((await post()).status).toBe(200);
  });

  it('that refuse an open record admit nothing', async () => {
    const openRecords = {
      begin: () => Promise.reject(new Error('disk full')),
      end: async () => undefined,
      abandoned: () => [],
      close: async () => undefined,
    };
    await start(answer, {}, { openRecords });
    expect(await errorOf(await post())).toEqual([503, 'storage_unavailable']);
    expect(kit.calls).toEqual([]);
    expect(await kit.limits.userUse('u1')).toMatchObject({ dayUsed: 0 });
  });
});

describe('a log that refuses the terminal event', () => {
  it('does not spoil the reply; a node that stops leaves the open record to whoever sweeps it', async () => {
    const ended: string[] = [];
    const openRecords = {
      begin: async () => undefined,
      end: async (id: string) => void ended.push(id),
      abandoned: () => [],
      close: async () => undefined,
    };
    const log = { append: () => Promise.reject(new Error('disk full')) } as unknown as GatewayDeps['log'];
    await start(answer, { log }, { openRecords });
    expect((await post()).status).toBe(200);
    expect((await (await post({ stream: true })).text()).trimEnd()).toMatch(/message_stop/);
    await gateway.close();
    await gateway.idle();
    expect(ended).toEqual([]);
    expect(await kit.inFlight()).toBe(0);
  });
});

describe('a user over the quota', () => {
  it('is told which and until when, and the hit is one event however often it happens', async () => {
    await start(answer);
    kit.directory.users.set('u1', directoryUser({ quotaDaily: 1 }));
    expect((await post()).status).toBe(200);
    for (let i = 0; i < 5; i += 1) expect(await errorOf(await post())).toEqual([429, 'quota_exceeded']);
    expect(eventsOf('kirogate.quota.hit')).toHaveLength(1);
    expect(kit.calls).toHaveLength(1);
  });
});
