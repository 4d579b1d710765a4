/** What the repository's nginx.conf promises, on a real nginx before servers that misbehave (spec R8). */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../src/infra/testing/process.js';
import { type ClusterNginx, startClusterNginx } from '../support/cluster/nginx.js';
import { until } from '../support/until.js';

type Answer = (req: IncomingMessage, res: ServerResponse) => void;

const servers: Server[] = [];
let nginx: ClusterNginx | undefined;
afterEach(async () => {
  await nginx?.stop();
  nginx = undefined;
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Backend {
  readonly port: number;
  readonly seen: string[];
  readonly connections: () => number;
  close(): void;
}

async function backend(answer: Answer, port = 0): Promise<Backend> {
  const seen: string[] = [];
  let connections = 0;
  const server = createServer({ keepAliveTimeout: 65_000 }, (req, res) => {
    if (req.url === '/health/live') return void res.end();
    seen.push(`${req.method} ${req.url}`);
    answer(req, res);
  });
  server.on('connection', (socket) => {
    connections += 1;
    socket.once('close', () => (connections -= 1));
  });
  servers.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    server.closeIdleConnections();
  };
  return { port: (server.address() as AddressInfo).port, seen, connections: () => connections, close };
}

async function balancer(...ports: number[]): Promise<string> {
  nginx = await startClusterNginx(ports);
  return nginx.url;
}

const fine: Answer = (req, res) => {
  req.resume().once('end', () => res.setHeader('content-type', 'application/json').end('{"fine":true}'));
};
const post = (url: string, body: string | Buffer = '{}'): Promise<Response> => fetch(`${url}/v1/messages`, { method: 'POST', body });
/** Each of which changes something. */
const changing = ['POST', 'PATCH', 'PUT', 'DELETE'] as const;
const events = (res: ServerResponse): ServerResponse => res.writeHead(200, { 'content-type': 'text/event-stream' });

describe('the balancer', () => {
  it('passes a request whose node takes no connection to another, and then leaves that node out', async () => {
    const alive = await backend(fine);
    const url = await balancer(await freePort(), alive.port);
    for (let i = 0; i < 20; i += 1) expect((await post(url)).status).toBe(200);
    expect(alive.seen).toHaveLength(20);
  });

  it('uses a node again as soon as it is back, so that the next one may go', async () => {
    const [one, two] = [await backend(fine), await backend(fine)];
    const url = await balancer(one.port, two.port);
    await until('start-up connections to be closed', () => (one.connections() + two.connections() === 0 ? true : undefined));
    one.close();
    for (let i = 0; i < 20; i += 1) expect((await post(url)).status).toBe(200);
    const back = await backend(fine, one.port);
    const used = async (): Promise<true | undefined> => {
      expect((await post(url)).status).toBe(200);
      return back.seen.length > 0 ? true : undefined;
    };
    await until('the node that is back to be used', used, 3_000);
    await until('kept connections to be closed', () => (two.connections() === 0 ? true : undefined));
    two.close();
    for (let i = 0; i < 20; i += 1) expect((await post(url)).status).toBe(200);
  });

  it.each([...changing.map((method) => [method, '/v1/messages'] as const), ['GET', '/auth/github/callback?code=c'] as const])(
    'never sends a request twice: when a node breaks off, the client of %s %s is told, in the form of the API',
    async (method, path) => {
      const dying: Answer = (req, res) => (req.url === '/warm' ? fine(req, res) : req.resume().once('end', () => req.socket.destroy()));
      const [one, two] = [await backend(dying), await backend(dying)];
      const url = await balancer(one.port, two.port);
      // Connections are kept on all ways.
      for (let i = 0; i < 4; i += 1) await (await fetch(`${url}/warm`, { method: i < 2 ? 'POST' : 'PUT' })).text();
      const answer = await fetch(`${url}${path}`, { method, ...(method !== 'GET' && { body: '{}' }) });
      expect(answer.status).toBe(502);
      expect(answer.headers.get('content-type')).toContain('application/json');
      expect(answer.headers.get('retry-after')).toBe('1');
      const body = (await answer.json()) as { readonly request_id: string };
      expect(body).toMatchObject({ type: 'error', error: { code: 'node_unavailable' } });
      expect([answer.headers.get('x-request-id'), answer.headers.get('x-node-address')]).toEqual([body.request_id, null]);
      expect([...one.seen, ...two.seen].filter((seen) => !seen.endsWith('/warm'))).toEqual([`${method} ${path}`]);
      // The log says which node it was.
      const line = nginx
        ?.log()
        .split('\n')
        .find((each) => each.includes(' 502 '));
      expect(line).toMatch(new RegExp(` node=127\\.0\\.0\\.1:(${one.port}|${two.port}) `));
    },
  );

  it('sends again to another node only what changes nothing', async () => {
    const dying: Answer = (req) => req.resume().once('end', () => req.socket.destroy());
    const [one, two] = [await backend(dying), await backend(fine)];
    const url = await balancer(one.port, two.port);
    for (const method of ['GET', 'HEAD', 'OPTIONS']) expect((await fetch(`${url}/v1/models`, { method })).status, method).toBe(200);
  });

  it('brings every method to the node as it came, past a node that takes no connection', async () => {
    const node = await backend((req, res) => {
      let body = '';
      req.setEncoding('utf8');
      req
        .on('data', (text: string) => (body += text))
        .once('end', () => {
          res.writeHead(req.method === 'DELETE' ? 204 : 200, { 'x-told': 'by the node', 'set-cookie': ['a=1', 'b=2'] });
          res.end(req.method === 'DELETE' ? undefined : JSON.stringify({ body, headers: req.headers }));
        });
    });
    const url = await balancer(await freePort(), node.port);
    // A client cannot have one method taken for another.
    const headers = { 'x-forwarded-for': '203.0.113.9', 'x-method-at-node': 'DELETE' };
    for (const method of changing) {
      for (const body of ['{"a":1}', 'x'.repeat(300_000)]) {
        const answer = await fetch(`${url}/admin/api/users/%2Fu?x=%20y`, { method, headers, body });
        const text = await answer.text();
        expect([answer.status, answer.headers.get('x-told'), answer.headers.getSetCookie()], method).toEqual([
          method === 'DELETE' ? 204 : 200,
          'by the node',
          ['a=1', 'b=2'],
        ]);
        if (method === 'DELETE') continue;
        const told = JSON.parse(text) as { readonly body: string; readonly headers: Record<string, string> };
        expect(told.body).toBe(body);
        expect(told.headers).toMatchObject({
          'x-real-ip': '127.0.0.1',
          'x-forwarded-for': '203.0.113.9, 127.0.0.1',
          host: new URL(url).host,
        });
        expect([told.headers['x-method-at-node'], told.headers['connection'] === 'close']).toEqual([undefined, false]);
      }
    }
    expect((await fetch(`${url}/nothing`, { method: 'DELETE' })).status).toBe(204);
    const path = '/admin/api/users/%2Fu?x=%20y';
    const seen = changing.flatMap((method) => [`${method} ${path}`, `${method} ${path}`]);
    expect(node.seen).toEqual([...seen, 'DELETE /nothing']);
  });

  it("leaves a node's own 4xx, 429 and 5xx as they are, whatever else could answer", async () => {
    const refusing: Answer = (req, res) =>
      req.resume().once('end', () => res.writeHead(Number(req.url?.slice(1)), { 'retry-after': '7' }).end('{}'));
    const [one, two] = [await backend(refusing), await backend(refusing)];
    const url = await balancer(one.port, two.port);
    for (const status of [400, 413, 429, 502, 503, 504]) {
      const answer = await fetch(`${url}/${status}`, { method: 'POST', body: '{}' });
      expect([answer.status, answer.headers.get('retry-after'), await answer.text()]).toEqual([status, '7', '{}']);
    }
    expect(one.seen.length + two.seen.length).toBe(6);
  });

  it('sends events on as they come, and tells the node when the client has left', async () => {
    let stream: ServerResponse | undefined;
    const node = await backend((_req, res) => {
      stream = events(res);
      return stream.write('data: 1\n\n');
    });
    const url = await balancer(node.port);
    const leave = new AbortController();
    const answer = await fetch(`${url}/stream`, { signal: leave.signal });
    const reader = answer.body?.getReader();
    const read = async (): Promise<string> => Buffer.from((await reader?.read())?.value ?? []).toString();
    expect(await read()).toBe('data: 1\n\n');
    stream?.write('data: 2\n\n');
    expect(await read()).toBe('data: 2\n\n');
    const closed = once(stream as ServerResponse, 'close');
    leave.abort();
    await closed;
  });

  it('takes a body of 50 MB, and refuses a larger one in the form of the API', async () => {
    const node = await backend((req, res) => {
      let length = 0;
      req.on('data', (chunk: Buffer) => (length += chunk.length)).once('end', () => res.end(String(length)));
    });
    const url = await balancer(node.port);
    const most = 50 * 1024 * 1024;
    expect(await (await post(url, Buffer.alloc(most, 32))).text()).toBe(String(most));
    const tooLarge = await post(url, Buffer.alloc(most + 1, 32));
    expect(tooLarge.status).toBe(413);
    expect(await tooLarge.json()).toMatchObject({ type: 'error', error: { code: 'payload_too_large' } });
    expect(node.seen).toHaveLength(1);
  });

  it('tells the node who asks, and passes an upgrade on', async () => {
    const node = await backend((req, res) => res.end(JSON.stringify(req.headers)));
    const url = await balancer(node.port);
    const headers = (await (await fetch(`${url}/x`, { headers: { 'x-forwarded-for': '203.0.113.9' } })).json()) as Record<string, string>;
    expect(headers).toMatchObject({ 'x-real-ip': '127.0.0.1', 'x-forwarded-for': '203.0.113.9, 127.0.0.1', host: new URL(url).host });
    expect(headers['connection']).not.toBe('close');
    servers[0]?.on('upgrade', (req, socket) => {
      socket.end(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${req.headers.upgrade}\r\n\r\n`);
    });
    const asked = request(`${url}/socket`, { headers: { connection: 'Upgrade', upgrade: 'websocket' } });
    asked.end();
    const [answer] = (await once(asked, 'upgrade')) as [IncomingMessage];
    expect(answer.headers.upgrade).toBe('websocket');
    answer.socket.destroy();
  });

  it('keeps connections to nodes for the next request, and closes an idle one itself within the grace of a drain', async () => {
    const node = await backend(fine);
    const url = await balancer(node.port);
    await until('start-up connections to be closed', () => (node.connections() === 0 ? true : undefined));
    for (let i = 0; i < 10; i += 1) await (await post(url)).text();
    expect(node.connections()).toBeLessThanOrEqual(2);
    await until('idle connections to be closed', () => (node.connections() === 0 ? true : undefined), 2_000);
  });

  it('spreads by the fewest running, and after a reload with other nodes lets a running stream go on', async () => {
    const open: ServerResponse[] = [];
    const streaming: Answer = (req, res) => {
      if (req.url === '/stream') open.push(events(res)) && res.write('data: 1\n\n');
      else req.resume().once('end', () => res.end('old'));
    };
    const [one, two, three] = [await backend(streaming), await backend(streaming), await backend(fine)];
    const url = await balancer(one.port, two.port);
    const streams = await Promise.all(Array.from({ length: 8 }, () => fetch(`${url}/stream`)));
    expect([one.seen.length, two.seen.length]).toEqual([4, 4]);
    nginx?.servers([three.port]);
    await until('the new node to be used', async () => ((await (await post(url)).text()) === '{"fine":true}' ? true : undefined));
    const before5 = three.seen.length;
    for (let i = 0; i < 5; i += 1) await (await post(url)).text();
    expect(three.seen.length).toBe(before5 + 5);
    for (const res of open) res.end('data: last\n\n');
    for (const stream of streams) expect(await stream.text()).toBe('data: 1\n\ndata: last\n\n');
  });
});
