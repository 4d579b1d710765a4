/** The whole of a test's PostgreSQL database as text. */
import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const services = fileURLToPath(new URL('../../../scripts/services.js', import.meta.url));
export function dumpPostgres(url) {
  const program = realpathSync(execFileSync(process.execPath, [services, 'postgres'], { encoding: 'utf8' }).trim());
  return execFileSync(join(dirname(program), 'pg_dump'), ['--dbname', url], { encoding: 'latin1', maxBuffer: 1024 * 1024 * 1024 });
}
