/** One node of a test's cluster: a process with a folder of its own and its own wires to Redis and PostgreSQL. */
import { fileURLToPath } from 'node:url';
import { adminClient } from '../admin.js';
import { ADMIN_API_KEY } from '../service.js';
import { until } from '../until.js';
import { startChild } from './child.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const system = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };
/** A node that was not started yet. */
export function createClusterNode(options) {
  const { name, port, dataDir } = options;
  const url = `http://127.0.0.1:${port}`;
  let child;
  let earlier = '';
  const output = () => earlier + (child?.output() ?? '');
  const end = async (signal) => (await child?.end(signal)) ?? null;
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
      return { status: response.status, body: await response.json() };
    },
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    freeze: () => child?.signal('SIGSTOP'),
    thaw: () => child?.signal('SIGCONT'),
    async start(env = {}) {
      earlier = output();
      const started = startChild(process.execPath, {
        args: ['dist/main.js'],
        cwd: root,
        env: { ...system, ...options.env, ...env, PORT: `${port}`, DATA_DIR: dataDir, NODE_ID: name },
      });
      child = started;
      const ready = until(`${name} to be ready`, () => (started.output().includes('"msg":"ready"') ? true : undefined), 90_000);
      await started.whileRunning(ready);
    },
  };
}
