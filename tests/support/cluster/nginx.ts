/** A real nginx with the repository's own nginx.conf in front of a test's nodes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareNginx, writeUpstreams } from '../../../scripts/nginx.js';
import { freePort } from '../../../src/infra/testing/process.js';
import { until } from '../until.js';
import { startChild } from './child.js';

export interface ClusterNginx {
  readonly url: string;
  /** Other nodes from now on, by a reload: streams that run go on. */
  servers(ports: readonly number[]): void;
  readonly log: () => string;
  readonly errors: () => string;
  stop(): Promise<void>;
}

const services = fileURLToPath(new URL('../../../scripts/services.js', import.meta.url));
const addresses = (ports: readonly number[]): string[] => ports.map((port) => `127.0.0.1:${port}`);

export async function startClusterNginx(nodePorts: readonly number[]): Promise<ClusterNginx> {
  const program = execFileSync(process.execPath, [services, 'nginx'], { encoding: 'utf8' }).trim();
  const dir = mkdtempSync(join(tmpdir(), 'kirogate-nginx-'));
  const port = await freePort();
  const args = prepareNginx({ dir, listen: `127.0.0.1:${port}`, servers: addresses(nodePorts) });
  const child = startChild(program, { args, cwd: dir, lastSignal: 'TERM' });
  const url = `http://127.0.0.1:${port}`;
  await child.whileRunning(until('nginx', () => fetch(`${url}/health/live`).then((answer) => answer.status)));
  return {
    url,
    servers(ports) {
      writeUpstreams(dir, addresses(ports));
      child.signal('SIGHUP');
    },
    log: () => readFileSync(join(dir, 'access.log'), 'utf8'),
    errors: () => child.output(),
    async stop() {
      await child.end('SIGTERM');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
