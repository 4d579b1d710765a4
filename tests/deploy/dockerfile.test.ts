/** The image without Docker: the Dockerfile's steps carried out in a scratch folder, and a node started from what they leave. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../src/infra/testing/process.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { adminClient } from '../support/admin.js';
import { ADMIN_API_KEY, nodeEnvironment } from '../support/service.js';
import { ask } from '../support/traffic.js';
import { until } from '../support/until.js';
import { carryOut, contextFiles, createIgnore, type Image, inventory, parseDockerfile } from './dockerfile.js';
import { readText } from './files.js';

const instructions = parseDockerfile(readText('Dockerfile'));

describe('what the build sees', () => {
  const files = contextFiles();

  it('is sources, migrations and what builds them: no tests, nothing of this machine', () => {
    expect(files).toContain('src/main.ts');
    expect(files).toContain('migrations/postgres/0001_event_store.sql');
    expect(files).toContain('src/limits/lua/admitRequest-1.lua');
    expect(files.filter((path) => /\.test\.tsx?$|(^|\/)testing\//.test(path))).toEqual([]);
    expect(files.filter((path) => /^(\.git|\.env|node_modules|dist|data|tests|docs|secrets)(\/|$)/.test(path))).toEqual([]);
  });

  it('is decided by the last pattern that fits, as Docker decides it', () => {
    const ignored = createIgnore('*\n!src\n**/*.test.ts\n# a remark\n');
    expect(['a.txt', 'src/b.ts', 'src/deep/c.test.ts', '.env'].map(ignored)).toEqual([true, false, true, true]);
  });
});

describe('the instructions', () => {
  const words = (word: string): string[] => instructions.filter((one) => one.word === word).map(({ rest }) => rest);

  it('start from a pinned long-term release of Node, the same to build with and to run with', () => {
    expect(words('FROM')).toEqual(['node:24.18.0-bookworm-slim AS base', 'base AS build', 'base']);
  });

  it('bring a compiler into the build alone, and no package manager call into the last stage', () => {
    const last = instructions.slice(instructions.findLastIndex(({ word }) => word === 'FROM'));
    const commands = last.filter(({ word }) => word === 'RUN').flatMap(({ rest }) => rest.split('&&').map((part) => part.trim()));
    expect(commands.filter((command) => /^(apt|apt-get|npm|npx|yarn|corepack)\b/.test(command))).toEqual([]);
    expect(last.filter(({ word, rest }) => word === 'COPY' && !rest.startsWith('--from=build'))).toEqual([]);
  });

  it('run as nobody special, by the signal that drains, with a health check that needs only Node', () => {
    expect(words('USER')).toEqual(['node']);
    expect(words('STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(words('VOLUME')).toEqual(['/data']);
    expect(words('CMD')).toEqual(['["node", "dist/main.js"]']);
    expect(words('HEALTHCHECK')[0]).toMatch(/CMD \["node", /);
  });
});

describe('what the steps leave', () => {
  let scratch: string;
  let image: Image;
  let sim: Simulator;
  let port: number;
  let env: Record<string, string>;
  let node: ChildProcess | undefined;
  const at = (path: string): string => join(image.root, path);

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'kirogate-image-'));
    image = await carryOut(instructions, scratch);
    sim = await startSimulator();
    port = await freePort();
    const settings = nodeEnvironment({ dataDir: at(image.env['DATA_DIR'] ?? ''), simulatorUrl: sim.url, env: { PORT: `${port}` } });
    env = { PATH: process.env['PATH'] ?? '', ...image.env, ...settings };
  }, 600_000);
  afterAll(async () => {
    node?.kill('SIGKILL');
    await sim?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('holds what runs and nothing that builds or tests', () => {
    const { files } = inventory(image);
    for (const path of ['dist/main.js', 'dist/web/index.html', 'bin/kirogate.js', 'migrations/sqlite/0001_event_store.sql', 'package.json'])
      expect(files).toContain(`app/${path}`);
    for (const name of ['typescript', 'vite', 'vitest', '@biomejs/biome', 'react', 'playwright-core', 'kubernetes-models'])
      expect(existsSync(at(`app/node_modules/${name}`)), name).toBe(false);
    // What compiled SQLite, and what the base image would install packages with.
    for (const name of ['node-gyp', 'prebuild-install', 'node-addon-api', 'tar', '.bin', '.package-lock.json'])
      expect(existsSync(at(`app/node_modules/${name}`)), name).toBe(false);
    expect(files.filter((path) => /\/(binding\.gyp|\w+\.(c|cc|cpp|h|o|a|mk|gypi))$/.test(path))).toEqual([]);
    expect(files.filter((path) => !path.startsWith('app/'))).toEqual(['usr/local/bin/kirogate']);
    expect(files).toContain('app/node_modules/sqlite3/build/Release/node_sqlite3.node');
    expect(files.filter((path) => path.startsWith('app/src/') && !path.endsWith('.lua'))).toEqual([]);
    expect(files.filter((path) => /^app\/(scripts|tests|bench|docs)\/|\.env$/.test(path))).toEqual([]);
    // Every script of the sources is there.
    const lua = (list: readonly string[]): string[] =>
      list.filter((path) => path.endsWith('.lua') && !path.includes('node_modules')).sort();
    expect(lua(files)).toEqual(lua(contextFiles()).map((path) => `app/${path}`));
  });

  it('starts a node that becomes healthy, serves a request, and drains at the signal', async () => {
    const [program = '', ...args] = JSON.parse(image.facts.get('CMD') ?? '[]') as string[];
    expect(program).toBe('node');
    node = spawn(process.execPath, args, { cwd: at('app'), env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    node.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    node.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const exited = once(node, 'exit');
    const url = `http://127.0.0.1:${port}`;
    await until('the node to be healthy', async () => {
      if (node?.exitCode !== null) throw new Error(output);
      return (await fetch(`${url}/health`)).ok || undefined;
    });
    const [, check = ''] = /CMD (\[.*\])$/.exec(image.facts.get('HEALTHCHECK') ?? '') ?? [];
    const [, ...checkArgs] = JSON.parse(check) as string[];
    execFileSync(process.execPath, checkArgs, { env });

    const admin = adminClient(url, ADMIN_API_KEY);
    const { refreshToken } = sim.addCredential({ kind: 'social' });
    await admin.post('/admin/api/tokens', { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' });
    const { key } = await admin.member('caller');
    const answer = await ask(url, key, 'Hello from the image');
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('Hello from the image');

    const doctor = execFileSync(process.execPath, ['bin/kirogate.js', 'doctor', '--json'], { cwd: at('app'), env, encoding: 'utf8' });
    expect(doctor).toContain('"findings"');
    const { version } = JSON.parse(readFileSync(at('app/package.json'), 'utf8')) as { version: string };
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'healthy', version });

    node.kill(image.facts.get('STOPSIGNAL') as NodeJS.Signals);
    expect(await exited).toEqual([0, null]);
    // The check says so too, once nothing answers.
    expect(() => execFileSync(process.execPath, checkArgs, { env, stdio: 'ignore' })).toThrow();
  });
});
