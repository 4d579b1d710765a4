/** A Redis server of a test's own: free port, own folder, nothing saved unless it is told to, ended by its process id. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRedis } from '../connection.js';

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Where it keeps its files. */
  readonly dir: string;
  /** Ends the process at once, as a crash would; its files stay. */
  kill(): Promise<void>;
  /** Starts it again after `kill`: same port, same files. */
  restart(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

const services = fileURLToPath(new URL('../../../../scripts/services.js', import.meta.url));

/** Starts a server and waits until it answers. `settings`: more of its options, such as `['--maxmemory', '8mb']`. */
export async function startTestRedis(settings: readonly string[] = []): Promise<TestRedis> {
  const dir = mkdtempSync(join(tmpdir(), 'kirogate-redis-'));
  const port = await freePort();
  const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'];
  const start = (): Promise<TestProcess> =>
    startRedisProcess([...options, '--maxmemory-policy', 'noeviction', ...settings], dir, `redis://127.0.0.1:${port}`);
  let running = await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      return running.pid;
    },
    kill: () => running.kill(),
    async restart() {
      running = await start();
    },
    async stop() {
      await running.kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export interface TestProcess {
  readonly pid: number;
  kill(): Promise<void>;
}

/** Runs redis-server with these arguments until it answers at `url`. `dir` is removed when this process dies without ending it. */
export async function startRedisProcess(args: readonly string[], dir: string, url: string): Promise<TestProcess> {
  const program = execFileSync(process.execPath, [services, 'redis-server'], { encoding: 'utf8' }).trim();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'exit');
  const guard = endWithUs(child.pid ?? 0, dir);
  const kill = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
    guard.kill('SIGKILL');
  };
  try {
    await Promise.race([answering(url), failing(child, () => output)]);
  } catch (error) {
    await kill();
    throw error;
  }
  return { pid: child.pid ?? 0, kill };
}

/** Ends the server when this process dies without `stop`, be it by a signal: then the guard's input ends. */
function endWithUs(pid: number, dir: string): ChildProcess {
  const command = 'cat >/dev/null; kill -9 "$1" 2>/dev/null; rm -rf "$2"';
  const guard = spawn('/bin/sh', ['-c', command, 'guard', `${pid}`, dir], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  guard.unref();
  return guard;
}

async function answering(url: string): Promise<void> {
  const redis = await openRedis({ url, name: 'test-start', connectTimeoutMs: 20_000 });
  await redis.close();
}

async function failing(child: ChildProcess, output: () => string): Promise<never> {
  await once(child, 'exit');
  throw new Error(`redis-server ended: ${output()}`);
}

/** A TCP port that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
