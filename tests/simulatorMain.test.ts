/** The simulator as a process of its own: says where it is, is driven from outside, and never outlives who started it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/simulator/main.js', import.meta.url));
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

interface Where {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
}

function start(args: readonly string[] = []): {
  child: ChildProcess;
  first: Promise<string>;
  ended: Promise<unknown[]>;
  errors: () => string;
} {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  started.push(child);
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const ended = once(child, 'exit');
  const first = Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    ended.then(([code]) => Promise.reject(new Error(`it ended with ${code}: ${errors}`))),
  ]);
  first.catch(() => undefined);
  return { child, first, ended, errors: () => errors };
}
async function running(args: readonly string[] = []) {
  const { child, first, ended } = start(args);
  return { child, ended, where: JSON.parse(await first) as Where };
}

async function ask(where: Where, method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${where.url}${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Resolves when nobody listens on the port any more. */
async function refused({ url }: Where): Promise<void> {
  await expect(fetch(`${url}/_sim/witness`)).rejects.toThrow();
}

describe('the simulator as a process', () => {
  it('prints one JSON line that says where it is, on loopback', async () => {
    const { child, where } = await running();
    expect(where).toEqual({ url: `http://127.0.0.1:${where.port}`, port: where.port, pid: child.pid });
    expect(where.port).toBeGreaterThan(0);
    expect(await ask(where, 'GET', '/_sim/witness')).toMatchObject({ status: 200, body: { overall: { requests: 0 } } });
  });

  it('is driven from outside: credentials, behaviours, settings, witness', async () => {
    const { where } = await running(['--settings', '{"wordsPerChunk":2}']);
    const made = await ask(where, 'POST', '/_sim/credentials', { kind: 'social', id: 'donor' });
    expect(made).toMatchObject({ status: 200, body: { id: 'donor', kind: 'social' } });
    expect(await ask(where, 'GET', '/_sim/settings')).toMatchObject({ body: { wordsPerChunk: 2 } });
    expect(await ask(where, 'POST', '/_sim/settings', { failureRate: 0.5 })).toMatchObject({
      body: { failureRate: 0.5, wordsPerChunk: 2 },
    });
    expect(await ask(where, 'POST', '/_sim/behave', { queue: [{ text: 'told' }] })).toMatchObject({ status: 200, body: { pending: 1 } });
    const refresh = await ask(where, 'POST', '/refreshToken', { refreshToken: made.body['refreshToken'] });
    expect(refresh).toMatchObject({ status: 200, body: { accessToken: expect.any(String) as string } });
    expect(await ask(where, 'GET', '/_sim/witness')).toMatchObject({ body: { overall: { refreshes: 1 } } });
    expect((await ask(where, 'POST', '/_sim/settings', { failureRate: 2 })).status).toBe(400);
    expect((await ask(where, 'GET', '/_sim/nothing')).status).toBe(404);
    await ask(where, 'POST', '/_sim/reset');
    expect(await ask(where, 'GET', '/_sim/witness')).toMatchObject({ body: { overall: { refreshes: 0 } } });
  });

  it('hands out the same accounts for the same seed, and others for another', async () => {
    const donor = async (seed: string): Promise<unknown> => {
      const { where } = await running(['--seed', seed]);
      return (await ask(where, 'POST', '/_sim/credentials', { kind: 'idc' })).body;
    };
    const [one, again, other] = await Promise.all([donor('7'), donor('7'), donor('8')]);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it('ends when its parent closes its input', async () => {
    const { child, where, ended } = await running(['--with-parent']);
    child.stdin?.end();
    expect(await ended).toEqual([0, null]);
    await refused(where);
  });

  it('ends when its parent is killed, though connections are open', async () => {
    const parent = spawn(
      process.execPath,
      [
        '-e',
        `require('node:child_process').spawn(process.execPath, [process.argv[1], '--with-parent'], { stdio: ['pipe', 'inherit', 'inherit'] })`,
        main,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    started.push(parent);
    const [line] = await once(createInterface({ input: parent.stdout }), 'line');
    const where = JSON.parse(String(line)) as Where;
    const socket = connect(where.port, '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    parent.kill('SIGKILL');
    await closed;
    await refused(where);
  });

  it('stays without its parent where that was not asked for, and ends on SIGTERM', async () => {
    const { child, where, ended } = await running();
    child.stdin?.end();
    expect((await ask(where, 'GET', '/_sim/witness')).status).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await refused(where);
  });

  it.each([
    ['a setting that does not exist', ['--settings', '{"colour":"red"}']],
    ['settings that are no JSON', ['--settings', 'failureRate=1']],
    ['an option that does not exist', ['--fast']],
  ])('refuses %s at once', async (_name, args) => {
    const { first, ended, errors } = start(args);
    await expect(first).rejects.toThrow();
    expect((await ended)[0]).not.toBe(0);
    expect(errors()).not.toBe('');
  });
});
