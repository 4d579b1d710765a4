/** What the gateway counts of its answers: in its own process, and as events of the key that was refused. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { GatewayDeps } from './deps.js';
import { createGateway, type Gateway } from './index.js';
import { directoryKey, directoryUser } from './pipeline/testing/fakeDirectory.js';
import { answers, createKit, fails, type Kit, type Play, stop, text } from './pipeline/testing/kit.js';
import type { Tallied } from './tally.js';

const KEY = 'sk-the-key-of-a-member';
const answer = answers(text('hi'), stop);

let kit: Kit;
let gateway: Gateway;
let server: Server;
let url: string;

async function start(play: Play, over: Partial<GatewayDeps> = {}): Promise<void> {
  kit = await createKit({ play, over });
  kit.directory.users.set('u1', directoryUser());
  kit.directory.keys.set('k1', directoryKey());
  kit.directory.hashes.set(createHash('sha256').update(KEY).digest('hex'), 'k1');
  gateway = createGateway(kit.deps);
  server = createServer((req, res) => void gateway.handle(req, res)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/messages`;
}
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await gateway.close();
});

async function statusOf({ key = KEY, stream = false } = {}): Promise<number> {
  const body = JSON.stringify({ model: 'claude-sonnet-4.5', max_tokens: 100, stream, messages: [{ role: 'user', content: 'hello' }] });
  const response = await fetch(url, { method: 'POST', headers: { 'x-api-key': key, 'content-type': 'application/json' }, body });
  await response.text();
  return response.status;
}

/** Once nothing runs any more: what is not 0. */
async function counted(): Promise<Tallied['requests']> {
  await gateway.idle();
  return gateway.tallied().requests.filter(({ count }) => count > 0);
}

describe('what the node counts itself', () => {
  it('is every request by the code that it ended with, its time, and its upstream calls', async () => {
    await start(answer);
    expect([await statusOf(), await statusOf({ stream: true }), await statusOf({ key: `${KEY}x` })]).toEqual([200, 200, 401]);
    expect(await counted()).toEqual([
      { status: 200, code: 'none', count: 2 },
      { status: 401, code: 'invalid_api_key', count: 1 },
    ]);
    expect(gateway.tallied().attempts).toContainEqual({ result: 'success', count: 2 });
    expect(gateway.tallied().duration.count).toBe(3);
  });

  it('is an error under its own code also when the stream had begun', async () => {
    await start(fails('protocol', {}, [text('half')]));
    expect(await statusOf({ stream: true })).toBe(200);
    expect(await counted()).toEqual([{ status: 502, code: 'upstream_error', count: 1 }]);
    expect(gateway.tallied().attempts).toContainEqual({ result: 'failed', count: 1 });
  });
});

describe('a request that is refused before it could be authenticated', () => {
  const refusals = (): unknown[] =>
    kit.events.map(({ type, subject, data }) => [type, subject.replace(/[0-9a-f]{16}/, '…'), (data as { userId: string }).userId]);
  const whose = [
    ['kirogate.request.refused', 'key/k1', 'u1'],
    ['kirogate.request.refused', 'ip/…', ''],
  ];

  it('since no store can take it is told of as its key’s, though nobody is asked whose that is', async () => {
    await start(answer, { storageUnavailable: () => true });
    kit.directory.keyByHash = () => Promise.reject(new Error('nobody can be asked'));
    expect([await statusOf(), await statusOf({ key: `${KEY}x` })]).toEqual([503, 503]);
    expect(refusals()).toEqual(whose);
    expect(await counted()).toEqual([{ status: 503, code: 'storage_unavailable', count: 2 }]);
  });

  it('since the site is off is told of as its key’s', async () => {
    await start(answer);
    kit.directory.set({ site_enabled: false });
    expect([await statusOf(), await statusOf({ key: `${KEY}x` })]).toEqual([503, 503]);
    expect(refusals()).toEqual(whose);
  });

  it('since its address is banned is nobody’s', async () => {
    await start(answer);
    kit.directory.bans.add('198.51.100.7');
    expect(await statusOf()).toBe(403);
    expect(refusals()).toEqual([whose[1]]);
  });
});
