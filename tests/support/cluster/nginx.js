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

const services = fileURLToPath(new URL('../../../scripts/services.js', import.meta.url));
const addresses = (ports) => ports.map((port) => `127.0.0.1:${port}`);
export async function startClusterNginx(nodePorts) {
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
