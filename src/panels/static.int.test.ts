import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStaticFiles } from './static.js';

const script = 'console.log("hello");\n'.repeat(50);
let folder: string;
let server: Server;
let count = 0;

async function build(): Promise<void> {
  await mkdir(join(folder, 'assets'), { recursive: true });
  await writeFile(
    join(folder, 'index.html'),
    '<meta name="csp-nonce" content="__CSP_NONCE__"><meta name="sessions" content="__SESSIONS__"><title>panels</title>',
  );
  await writeFile(join(folder, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await writeFile(join(folder, 'assets', 'main-Ab12_-34.js'), script);
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** node:http sends paths as they are written, dots and all. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const sent = request({ port, path, headers, method }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kirogate-static-'));
  count = 0;
  const pages = createStaticFiles({ folder: join(folder), nonce: () => `nonce${++count}` });
  server = createServer((req, res) => {
    if (!pages(req, res)) res.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{}}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the pages', () => {
  it.each(['/', '/login', '/register', '/docs', '/panel', '/panel/tokens', '/panel/a/b', '/admin', '/login?return=%2Fpanel'])(
    '%s is the panels, never kept by a cache',
    async (path) => {
      await build();
      const { status, headers, body } = await ask(path);
      expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, 'text/html; charset=utf-8', 'no-store']);
      expect(body.toString()).toContain('<title>panels</title>');
    },
  );

  it('carry a policy that lets in our own files alone, with a nonce of their own each time', async () => {
    await build();
    const [first, second] = [await ask('/'), await ask('/')];
    expect(first.headers['content-security-policy']).toBe(
      "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-nonce1'; img-src 'self' data:; connect-src 'self'; " +
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
    );
    expect(first.body.toString()).toContain('content="nonce1"');
    expect(second.body.toString()).toContain('content="nonce2"');
    expect(first.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    });
  });

  it('say which session cookies came along, and nothing of what they hold', async () => {
    await build();
    const sessions = async (cookie: string) =>
      /name="sessions" content="([^"]*)"/.exec((await ask('/', cookie === '' ? {} : { cookie })).body.toString())?.[1];
    expect(await sessions('')).toBe('');
    expect(await sessions('other=1; user_session="><script>')).toBe('member');
    expect(await sessions('admin_session=x; user_session=y')).toBe('member admin');
  });

  it.each(['/admin/users', '/admin/login', '/admin/tokens/x'])('%s is a page to a browser and the API to the rest', async (path) => {
    await build();
    expect((await ask(path, { accept: 'text/html,*/*;q=0.8' })).status).toBe(200);
    expect((await ask(path, { accept: '*/*' })).headers['content-type']).toBe('application/json');
  });

  it.each(['/admin/api/users', '/admin/api', '/admin/config/reload', '/v1/models', '/health', '/nowhere', '/panels', '/auth/session'])(
    '%s is the API also to a browser',
    async (path) => {
      await build();
      expect((await ask(path, { accept: 'text/html' })).headers['content-type']).toBe('application/json');
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('are not for %s', async (method) => {
    await build();
    expect((await ask('/admin/login', { accept: 'text/html' }, method)).status).toBe(404);
  });

  it('say in plain words that nothing was built, and appear as soon as something was', async () => {
    const { status, headers, body } = await ask('/panel');
    expect([status, headers['content-type']]).toEqual([503, 'text/plain; charset=utf-8']);
    expect(body.toString()).toContain('npm run build');
    await build();
    expect((await ask('/panel')).status).toBe(200);
  });

  it('answer HEAD without a body', async () => {
    await build();
    const { status, headers, body } = await ask('/', {}, 'HEAD');
    expect([status, Number(headers['content-length']) > 0, body.length]).toEqual([200, true, 0]);
  });
});

describe('the files', () => {
  const path = '/assets/main-Ab12_-34.js';
  beforeEach(build);

  it('may be kept for ever, under a name that changes with them', async () => {
    const { status, headers, body } = await ask(path);
    expect([status, body.toString()]).toEqual([200, script]);
    expect(headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
    });
    expect((await ask('/favicon.svg')).headers['cache-control']).toBe('public, max-age=3600');
  });

  it('come compressed to whoever takes that', async () => {
    const br = await ask(path, { 'accept-encoding': 'gzip, deflate, br, zstd' });
    expect([br.headers['content-encoding'], brotliDecompressSync(br.body).toString()]).toEqual(['br', script]);
    const zipped = await ask(path, { 'accept-encoding': 'br;q=0, gzip;q=0.8' });
    expect([zipped.headers['content-encoding'], gunzipSync(zipped.body).toString()]).toEqual(['gzip', script]);
    expect((await ask(path, { 'accept-encoding': 'identity' })).headers['content-encoding']).toBeUndefined();
  });

  it('are not sent again to whoever has them', async () => {
    const { headers } = await ask(path);
    const again = await ask(path, { 'if-none-match': `"other", W/${headers['etag']}` });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    expect((await ask(path, { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it.each([
    '/assets/../index.html',
    '/assets/%2e%2e/index.html',
    '/assets/..%2f..%2f..%2fetc/passwd',
    '/assets/',
    '/assets/none.js',
    '/assets/..\\index.html',
  ])('%s is none of them', async (other) => {
    const { status, headers } = await ask(other);
    expect([status, headers['content-type']]).toEqual([404, 'text/plain; charset=utf-8']);
  });
});
