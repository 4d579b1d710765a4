/** One node of a test's cluster: a process with a folder of its own and its own wires to Redis and PostgreSQL. */
import { fileURLToPath } from 'node:url';
import { type AdminClient, adminClient } from '../admin.js';
import { ADMIN_API_KEY } from '../service.js';
import type { TcpProxy } from '../tcpProxy.js';
import { until } from '../until.js';
import { type Child, startChild } from './child.js';

export interface ClusterNode {
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly dataDir: string;
  readonly admin: AdminClient;
  /** Wires to the stores; undefined where the node reaches them directly. */
  readonly redis: TcpProxy | undefined;
  readonly postgres: TcpProxy | undefined;
  readonly pid: () => number;
  readonly running: () => boolean;
  /** What it said since its first start. */
  readonly output: () => string;
  health(): Promise<{ status: number; body: Record<string, unknown> }>;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>;
  freeze(): void;
  thaw(): void;
  /** Starts it (again) and waits until it is ready. `env`: on top of its own, for this start. `build`: folder of another build. */
  start(env?: Readonly<Record<string, string>>, build?: string): Promise<void>;
}

export interface ClusterNodeOptions {
  readonly name: string;
  readonly port: number;
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly redis?: TcpProxy;
  readonly postgres?: TcpProxy;
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const system = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };

/** A node that was not started yet. */
export function createClusterNode(options: ClusterNodeOptions): ClusterNode {
  const { name, port, dataDir } = options;
  const url = `http://127.0.0.1:${port}`;
  let child: Child | undefined;
  let earlier = '';
  const output = (): string => earlier + (child?.output() ?? '');
  const end = async (signal: NodeJS.Signals): Promise<number | null> => (await child?.end(signal)) ?? null;
  return {
    name,
    port,
    url,
    dataDir,
    admin: adminClient(url, ADMIN_API_KEY),
    redis: options.redis,
    postgres: options.postgres,
    pid: () => child?.pid ?? 0,
    running: () => child?.running() ?? false,
    output,
    async health() {
      const response = await fetch(`${url}/health`, { headers: { connection: 'close' } });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    freeze: () => child?.signal('SIGSTOP'),
    thaw: () => child?.signal('SIGCONT'),
    async start(env = {}, build = root) {
      earlier = output();
      const started = startChild(process.execPath, {
        args: ['dist/main.js'],
        cwd: build,
        env: { ...system, ...options.env, ...env, PORT: `${port}`, DATA_DIR: dataDir, NODE_ID: name },
      });
      child = started;
      const ready = until(`${name} to be ready`, () => (started.output().includes('"msg":"ready"') ? true : undefined), 90_000);
      await started.whileRunning(ready);
    },
  };
}
