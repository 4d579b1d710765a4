/** Start, health, drain, stop and refusal to start, of whole processes (spec R11, contract §4). */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sqlite, { sql } from '@databases/sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../src/simulator/index.js';
import { adminClient } from './support/admin.js';
import { runCli, runNode, startNode } from './support/process.js';
import { ADMIN_API_KEY, nodeEnvironment } from './support/service.js';
import { until } from './support/until.js';

let sim: Simulator;
let folder: string;
const numbers = Array.from({ length: 100 }, (_, n) => String(n)).values();

beforeAll(async () => {
  sim = await startSimulator();
  folder = await mkdtemp(join(tmpdir(), 'kirogate-life-'));
});
afterAll(async () => {
  await sim.close();
  await rm(folder, { recursive: true, force: true });
});

const environment = (env?: Record<string, string>): Record<string, string> =>
  nodeEnvironment({ dataDir: join(folder, numbers.next().value ?? 'last'), simulatorUrl: sim.url, env });

async function ready(url: string): Promise<{ key: string; admin: ReturnType<typeof adminClient> }> {
  const admin = adminClient(url, ADMIN_API_KEY);
  const credential = sim.addCredential({ kind: 'social' });
  await admin.post('/admin/api/tokens', {
    provider: 'kiro',
    authType: 'social',
    refreshToken: credential.refreshToken,
    visibility: 'public',
  });
  return { key: (await admin.member('someone')).key, admin };
}

const chat = (url: string, key: string, content: string): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', stream: true, messages: [{ role: 'user', content }] }),
  });

describe('a node', () => {
  it('answers health in each state (plan 17.3), drains on SIGTERM while a stream runs, and ends with code 0', async () => {
    const env = environment({ SHUTDOWN_GRACE_SECONDS: '1' });
    const node = await startNode(env);
    const healthy = await fetch(`${node.url}/health`);
    expect(healthy.status).toBe(200);
    expect(await healthy.json()).toMatchObject({
      status: 'healthy',
      mode: 'single',
      node_id: expect.any(String),
      uptime: expect.any(Number),
      version: expect.any(String),
    });
    const { key } = await ready(node.url);
    const stream = await chat(node.url, key, '[[sim words 30]] [[sim gap 60]]');
    const exit = node.kill('SIGTERM');
    const draining = await until('draining', async () => {
      const response = await fetch(`${node.url}/health`);
      return response.status === 503 ? response : undefined;
    });
    expect(draining.headers.get('connection')).toBe('close');
    expect(await draining.json()).toMatchObject({ status: 'draining' });
    const late = await chat(node.url, key, 'served in the grace period');
    expect(late.status).toBe(200);
    await late.text();
    expect((await stream.text()).trimEnd().endsWith('data: [DONE]')).toBe(true);
    expect(await exit).toBe(0);
  });

  it('ends what outlasts the drain with an error in the stream and its terminal event', async () => {
    const env = environment({ SHUTDOWN_TIMEOUT_SECONDS: '1' });
    const node = await startNode(env);
    const { key } = await ready(node.url);
    const stream = await chat(node.url, key, '[[sim stall 2]] endless');
    const exit = node.kill('SIGTERM');
    const text = await stream.text();
    expect(text).toContain('node_stopping');
    expect(await exit).toBe(0);
    const again = await startNode(env);
    const admin = adminClient(again.url, ADMIN_API_KEY);
    const { items } = await admin.get<{ items: { type: string; data: { code?: string } }[] }>(
      `/admin/api/events?correlationId=${stream.headers.get('x-request-id')}`,
    );
    expect(items.map((item) => item.type)).toEqual(['kirogate.request.failed']);
    expect(await again.kill('SIGTERM')).toBe(0);
  });

  it('keeps users, keys, settings, quotas and windows over a restart', async () => {
    const env = environment();
    const first = await startNode(env);
    const { key, admin } = await ready(first.url);
    await admin.put('/admin/api/config', { token_rpm_limit: 3 });
    for (let i = 0; i < 3; i += 1) await (await chat(first.url, key, 'hi')).text();
    expect((await chat(first.url, key, 'one too many')).status).toBe(429);
    expect(await first.kill('SIGTERM')).toBe(0);
    const second = await startNode(env);
    const refused = await chat(second.url, key, 'still one too many');
    expect(refused.status).toBe(429);
    expect(((await refused.json()) as { error: { code: string } }).error.code).toBe('pool_exhausted');
    expect(await second.kill('SIGTERM')).toBe(0);
  });

  it('prints a generated admin password at the first start, once, and it signs in', async () => {
    const env = environment({ ADMIN_PASSWORD: '' });
    const first = await startNode(env);
    const password = await until('the password', () => /Admin password[^:]*: (\S+)/.exec(first.output())?.[1]);
    const login = await fetch(`${first.url}/admin/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ password }),
    });
    expect(login.status).toBe(200);
    expect(await first.kill('SIGTERM')).toBe(0);
    const second = await startNode(env);
    expect(second.output()).not.toContain(password);
    expect(await second.kill('SIGTERM')).toBe(0);
  });

  it('refuses a second node on its data', async () => {
    const env = environment();
    const node = await startNode(env);
    const second = await runNode(env);
    expect(second.code).not.toBe(0);
    expect(second.output).toContain('another KiroGate node runs on');
    expect(await node.kill('SIGTERM')).toBe(0);
  });
});

describe('a start that cannot be', () => {
  it('lists every fault of the configuration and ends with code 78', async () => {
    const ended = await runNode(environment({ PORT: 'x', TOKEN_RPM_LIMIT: '-1' }));
    expect(ended.code).toBe(78);
    expect(ended.output).toMatch(/PORT/);
    expect(ended.output).toMatch(/TOKEN_RPM_LIMIT/);
  });

  it('refuses a database file that is not ours, with the reason, and leaves it as it is', async () => {
    const path = join(folder, 'foreign.db');
    const foreign = sqlite.default(path);
    await foreign.query(sql`create table somebody_elses (id integer)`);
    await foreign.dispose();
    const ended = await runNode(environment({ DATABASE_URL: `sqlite:///${path}` }));
    expect(ended.code).not.toBe(0);
    expect(ended.output).toMatch(/not a KiroGate database|not ours|somebody_elses/i);
    const text = join(folder, 'text.db');
    await writeFile(text, 'this is no database at all, but long enough to have a header of its own: 0123456789 0123456789 0123456789');
    const other = await runNode(environment({ DATABASE_URL: `sqlite:///${text}` }));
    expect(other.code).not.toBe(0);
    expect(other.output).toMatch(/not a SQLite database/);
  });

  it('refuses a database newer than this build', async () => {
    const env = environment();
    const node = await startNode(env);
    await node.kill('SIGTERM');
    const db = sqlite.default(join(env['DATA_DIR'] ?? '', 'kirogate.db'));
    const [table] = (await db.query(sql`select name from sqlite_master where type = 'table' and name like '%migration%'`)) as {
      name: string;
    }[];
    const name = table?.name ?? '';
    const columns = (await db.query(sql`select name from pragma_table_info(${name})`)) as { name: string }[];
    await db.query(
      sql`insert into ${sql.ident(name)} select ${sql.join(
        columns.map((column) =>
          column.name === 'version' ? sql`9999` : column.name === 'name' ? sql`'9999_future.sql'` : sql.ident(column.name),
        ),
        sql`, `,
      )} from ${sql.ident(name)} limit 1`,
    );
    await db.dispose();
    const ended = await runNode(env);
    expect(ended.code).not.toBe(0);
    expect(ended.output).toMatch(/newer/);
  });

  it('says when the port is taken', async () => {
    const env = environment();
    const node = await startNode(env);
    const port = new URL(node.url).port;
    const ended = await runNode(environment({ PORT: port }));
    expect(ended.code).not.toBe(0);
    expect(ended.output).toContain('EADDRINUSE');
    expect(await node.kill('SIGTERM')).toBe(0);
  });
});

describe('the command line', () => {
  it('lists events, replays a subject, proves the read models and examines the installation', async () => {
    const env = environment();
    const node = await startNode(env);
    const { key, admin } = await ready(node.url);
    await (await chat(node.url, key, 'hi')).text();
    await until('the event', async () =>
      (await admin.all('/admin/api/events?types=kirogate.token.used')).length === 1 ? true : undefined,
    );
    const [token] = await admin.all<{ id: string }>('/admin/api/tokens');

    const listed = await runCli(['events', 'list', '--types', 'token.used', '--json'], env);
    expect(listed.code).toBe(0);
    expect(JSON.parse(listed.output.trim().split('\n')[0] ?? '')).toMatchObject({ specversion: '1.0', type: 'kirogate.token.used' });

    const replayed = await runCli(['replay', `token/${token?.id}`, '--json'], env);
    expect(replayed.code).toBe(0);
    const { steps } = JSON.parse(replayed.output) as { steps: { type: string; changes: { row: string; column: string }[] }[] };
    expect(steps.map((step) => step.type)).toEqual(expect.arrayContaining(['kirogate.token.donated', 'kirogate.token.used']));
    expect(steps.at(-1)?.changes.some((change) => change.row.startsWith('token_health') && change.column === 'successes')).toBe(true);

    for (const args of [['projections', 'status'], ['projections', 'rebuild', 'all'], ['projections', 'verify'], ['doctor'], ['migrate']]) {
      const ended = await runCli(args, env);
      expect(`${args.join(' ')}: ${ended.code} ${ended.code === 0 ? '' : ended.output}`).toBe(`${args.join(' ')}: 0 `);
    }
    expect((await runCli(['replay', 'token/nobody'], env)).code).toBe(1);
    expect((await runCli(['events', 'list', '--from', 'yesterday'], env)).code).toBe(1);
    expect(await node.kill('SIGTERM')).toBe(0);
  });
});

describe('a slow or broken client', () => {
  it('does not keep a request half sent for ever, nor harm others', async () => {
    const env = environment();
    const node = await startNode(env);
    const { key } = await ready(node.url);
    const { port } = new URL(node.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      `POST /v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"model":`,
    );
    expect((await chat(node.url, key, 'hi')).status).toBe(200);
    socket.destroy();
    expect(await node.kill('SIGTERM')).toBe(0);
  });
});
