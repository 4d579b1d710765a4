/** A Redis of a test's cluster, set up as in the compose file: can be killed, brought back, emptied, or set back to an older moment. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRedis, type RedisConnection, type RedisReply } from '../../../src/infra/redis/connection.js';
import { freePort } from '../../../src/infra/testing/process.js';
import { type Child, startChild } from './child.js';
import { composeRedisSettings } from './compose.js';

export interface ClusterRedis {
  readonly port: number;
  readonly password: string;
  readonly pid: () => number;
  readonly running: () => boolean;
  command(name: string, ...args: readonly (string | number)[]): Promise<RedisReply>;
  /** kill -9; what it had written stays. */
  kill(): Promise<void>;
  /** Starts it on what is in its folder and waits until it answers. */
  start(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Empties the folder of a server that does not run. */
  empty(): void;
  /** Copies the append-only file of the running server; answers the copy's name for `putBack`. */
  copy(): Promise<string>;
  /** Puts a copy in place of what a server that does not run had written. */
  putBack(copy: string): void;
  /** Everything it holds and wrote, as one text. */
  dump(): Promise<string>;
  stop(): Promise<void>;
}

const services = fileURLToPath(new URL('../../../scripts/services.js', import.meta.url));

export const redisProgram = (): string => execFileSync(process.execPath, [services, 'redis-server'], { encoding: 'utf8' }).trim();

/** `settings`: more lines of its configuration. */
export async function startClusterRedis(options: { password: string; settings?: readonly string[]; port?: number }): Promise<ClusterRedis> {
  const program = redisProgram();
  const home = mkdtempSync(join(tmpdir(), 'kirogate-cluster-redis-'));
  const data = join(home, 'data');
  const port = options.port ?? (await freePort());
  const config = join(home, 'redis.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${data}`,
    'save ""',
    'rdbcompression no',
    ...composeRedisSettings(),
    `requirepass ${options.password}`,
    `masterauth ${options.password}`,
    ...(options.settings ?? []),
  ];
  let child: Child | undefined;
  let control: RedisConnection | undefined;
  let copies = 0;
  const url = `redis://:${options.password}@127.0.0.1:${port}/0`;

  const start = async (): Promise<void> => {
    execFileSync('mkdir', ['-p', data]);
    writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 });
    child = startChild(program, { args: [config], cwd: home });
    await control?.close();
    control = await child.whileRunning(openRedis({ url, name: 'test-control', connectTimeoutMs: 20_000, commandTimeoutMs: 10_000 }));
  };
  const kill = async (): Promise<void> => void (await child?.end('SIGKILL'));
  const command = (name: string, ...args: readonly (string | number)[]): Promise<RedisReply> => {
    if (control === undefined) throw new Error('this Redis was never started');
    return control.command(name, ...args);
  };
  await start();
  return {
    port,
    password: options.password,
    pid: () => child?.pid ?? 0,
    running: () => child?.running() ?? false,
    command,
    kill,
    start,
    signal: (signal) => child?.signal(signal),
    empty: () => rmSync(data, { recursive: true, force: true }),
    async copy() {
      // Longer than a second old is what `everysec` promises to have on disk; asking the server flushes nothing.
      const copy = join(home, `copy-${copies++}`);
      cpSync(data, copy, { recursive: true });
      return copy;
    },
    putBack(copy) {
      rmSync(data, { recursive: true, force: true });
      cpSync(copy, data, { recursive: true });
    },
    async dump() {
      await command('SAVE');
      return readAll(home);
    },
    async stop() {
      await control?.close();
      await kill();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Every file under a folder as one text; latin1 keeps each byte. Our own configuration holds the password and is left out. */
export function readAll(folder: string): string {
  if (!existsSync(folder)) return '';
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile() && !path.endsWith('redis.conf'))
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n');
}
