/** The node's port before the node is ready: health at once, everything else waits for the handler. */

import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { listen, type NodeServer } from './server.js';
import { createWaitingRoom } from './waitingRoom.js';

let server: NodeServer | undefined;
afterEach(() => {
  server?.destroy();
  server = undefined;
});

const facts = { nodeId: 'n', version: '1', mode: 'single', uptime: () => 0 } as const;

async function starting(): Promise<{ node: NodeServer; url: string }> {
  const node = await listen({ host: '127.0.0.1', port: 0, facts });
  server = node;
  return { node, url: `http://127.0.0.1:${node.port}` };
}

describe('a node that starts', () => {
  it('answers health at once, and a request when it is ready, with its body', async () => {
    const { node, url } = await starting();
    const asked = fetch(`${url}/v1/messages`, { method: 'POST', body: 'the body' });
    const health = await fetch(`${url}/health`);
    expect([health.status, await health.json()]).toEqual([503, expect.objectContaining({ status: 'starting' })]);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    node.handler = (req, res) => void req.pipe(res);
    expect(await (await asked).text()).toBe('the body');
    expect(await (await fetch(url, { method: 'POST', body: 'later' })).text()).toBe('later');
  });

  it('forgets who has left, and is not asked for them', async () => {
    const { node, url } = await starting();
    const left = request(url, { agent: false });
    left.on('error', () => undefined).end();
    await expect.poll(() => node.connections).toBe(1);
    left.destroy();
    await expect.poll(() => node.connections).toBe(0);
    let asked = 0;
    node.handler = (_req, res) => {
      asked += 1;
      res.end();
    };
    await fetch(url);
    expect(asked).toBe(1);
  });
});

describe('a node that closes its listener', () => {
  it('still serves who had connected and not sent a request yet, and then ends who is idle', async () => {
    const { node } = await starting();
    node.handler = (_req, res) => void res.end('served');
    const late = connect(node.port, '127.0.0.1');
    await expect.poll(() => node.connections).toBe(1);
    const stopped = node.stopListening();
    await expect.poll(() => refuses(node.port)).toBe(true);
    late.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    const ended = once(late, 'close');
    expect(String((await once(late, 'data'))[0])).toContain('served');
    await stopped;
    await ended;
    await expect.poll(() => node.connections).toBe(0);
    await node.ended();
  });

  it('resets nobody whom the system has taken and it has not', async () => {
    const { node } = await starting();
    node.handler = (_req, res) => void res.end('served');
    const ends: Promise<string>[] = [];
    // In the same phase of each of so many turns in which the listener would be closed, just before.
    const come = (turns: number): void => {
      ends.push(visit(node.port));
      if (turns > 0) setImmediate(come, turns - 1);
    };
    setImmediate(come, 30);
    await node.stopListening();
    const seen = await Promise.all(ends);
    expect(new Set(seen)).toEqual(new Set(['served']));
    expect(await visit(node.port)).toBe('ECONNREFUSED');
  });

  it('still serves what comes on a connection whose last reply began before, and tells it to be the last', async () => {
    const { node, url } = await starting();
    let end = (): void => undefined;
    node.handler = (req, res) => {
      if (req.url !== '/long') return void res.end('served');
      res.write('begun');
      end = () => void res.end();
    };
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const [long] = (await once(get(`${url}/long`, { agent }), 'response')) as [IncomingMessage];
    await node.stopListening(60_000);
    node.state = 'draining';
    end();
    await long.resume().toArray();
    const [next] = (await once(get(`${url}/next`, { agent }), 'response')) as [IncomingMessage];
    expect(next.headers.connection).toBe('close');
    expect(String(Buffer.concat(await next.toArray()))).toBe('served');
    await node.ended();
    agent.destroy();
  });
});

/** One request on a connection of its own: `served`, or what broke it. */
const visit = (port: number): Promise<string> =>
  new Promise((resolve) => {
    const asked = request({ port, host: '127.0.0.1', agent: false, method: 'POST' }, (res) => {
      res.resume().once('end', () => resolve('served'));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? String(error)));
    asked.end('{}');
  });

const refuses = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });

describe('a node that closed its listener and opened it again', () => {
  it('leaves idle connections alone from then on', async () => {
    const { node, url } = await starting();
    node.handler = (req, res) => void (req.method === 'GET' && res.end('fine'));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    // A request that runs: while it does, the server that was closed is not closed to its end.
    const busy = request(url, { method: 'POST', agent: false }).on('error', () => undefined);
    busy.end('x');
    await expect.poll(() => node.connections).toBe(1);
    await node.stopListening();
    await node.listenAgain();
    const ask = async (): Promise<unknown> => {
      const asked = get(url, { agent });
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      await answer.resume().toArray();
      return asked.reusedSocket;
    };
    await ask();
    // Several of the rounds in which a closed listener ends what is idle.
    const begun = performance.now();
    await expect.poll(() => performance.now() - begun).toBeGreaterThan(350);
    expect(await ask()).toBe(true);
    agent.destroy();
    busy.destroy();
  });
});

describe('a waiting room', () => {
  it.each([
    ['is full', { capacity: 0, longestMs: 60_000 }],
    ['was waited in for too long', { capacity: 1, longestMs: 1 }],
  ])('refuses when it %s', async (_name, bounds) => {
    const room = createWaitingRoom({ ...bounds, refuse: (_req, res) => res.writeHead(503).end() });
    const http = createServer((req, res) => room.enter(req, res)).listen(0, '127.0.0.1');
    await once(http, 'listening');
    const answer = await fetch(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
    expect(answer.status).toBe(503);
    http.close();
    http.closeAllConnections();
  });
});
