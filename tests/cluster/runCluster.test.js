/** `npm run cluster` as a person uses it: one command, a line to copy, Ctrl-C, and nothing left. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { startChild } from '../support/cluster/child.js';
import { readAll } from '../support/cluster/redis.js';
import { until } from '../support/until.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const started = [];
const folders = [];
afterEach(async () => {
  for (const child of started.splice(0)) await child.end('SIGTERM');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
async function run(args) {
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', TOKEN_PACING_MIN_MS: '0', TOKEN_PACING_MAX_MS: '0' };
  const child = startChild(process.execPath, {
    args: ['scripts/cluster.js', '--port', '0', '--nodes', '2', ...args],
    cwd: root,
    env,
    lastSignal: 'TERM',
  });
  started.push(child);
  const url = await child.whileRunning(
    until('the address', () => /^KiroGate cluster: (\S+)[\s\S]*All secrets:/m.exec(child.output())?.[1], 120_000),
  );
  return { child, url };
}
/** Ids of processes that were told this folder. */
const using = (folder) =>
  execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(folder));
describe('npm run cluster', () => {
  it('keeps data and secrets for the next start, shows the password once, and ends everything in order on Ctrl-C', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kirogate-run-'));
    folders.push(folder);
    const first = await run(['--data', folder]);
    const password = /admin password, shown this once: (\S+)/.exec(first.child.output())?.[1] ?? '';
    const signIn = (url) =>
      fetch(`${url}/admin/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ password }),
      });
    expect((await signIn(first.url)).status).toBe(200);
    const line = /^ {2}(curl -s \S+\/admin\/api\/cluster .*)$/m.exec(first.child.output())?.[1] ?? 'false';
    const { nodes } = JSON.parse(execFileSync('sh', ['-c', line], { encoding: 'utf8' }));
    expect(nodes.map((node) => node.id).sort()).toEqual(['node-1', 'node-2']);
    const secrets = join(folder, 'secrets.json');
    expect(statSync(secrets).mode & 0o777).toBe(0o600);
    expect(await first.child.end('SIGINT')).toBe(0);
    expect(using(folder)).toEqual([]);
    expect(first.child.output()).toMatch(/Ending nginx\.\nEnding node-1, node-2\.\nEnding redis\.\nEnding postgres\./);
    const logs = readdirSync(folder).filter((name) => name.endsWith('.log'));
    const kept = Object.values(JSON.parse(readFileSync(secrets, 'utf8')));
    for (const name of logs) {
      const text = readFileSync(join(folder, name), 'utf8');
      expect(
        kept.filter((secret) => text.includes(secret)),
        name,
      ).toEqual([]);
    }
    expect(readAll(join(folder, 'node-1'))).not.toContain(password);
    const second = await run(['--data', folder]);
    expect(second.child.output()).not.toContain(password);
    expect((await signIn(second.url)).status).toBe(200);
    expect(await second.child.end('SIGINT')).toBe(0);
  });
  it('with --demo prints a request that works as printed, and keeps nothing', async () => {
    const { child } = await run(['--demo']);
    const line = /^ {2}(curl -s \S+\/v1\/chat\/completions .*)$/m.exec(child.output())?.[1] ?? 'false';
    const answer = JSON.parse(execFileSync('sh', ['-c', line], { encoding: 'utf8' }));
    expect(answer.choices[0]?.message.content).toContain('Hello from the cluster');
    const folder = /Data and logs: (\S+)/.exec(child.output())?.[1] ?? '';
    expect(await child.end('SIGINT')).toBe(0);
    expect(using(folder)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });
});
