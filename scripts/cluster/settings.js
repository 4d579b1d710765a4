/** What a local cluster keeps beside its data: generated secrets and the ports it chose, readable by its owner only. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const secret = () => randomBytes(24).toString('base64url');

function listens(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const found = server.address().port;
      server.close(() => resolve(found));
    });
  });
}

/** `wanted` when it is free, else one that is. */
export const portNear = async (wanted) => (await listens(wanted)) ?? (await listens(0));

/** Reads what an earlier start made, or makes it; `first` says which. */
export function loadSecrets(dir) {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, 'secrets.json');
  const first = !existsSync(path);
  const names = [
    'POSTGRES_PASSWORD',
    'REDIS_PASSWORD',
    'ADMIN_PASSWORD',
    'ADMIN_API_KEY',
    'ADMIN_SECRET_KEY',
    'USER_SESSION_SECRET',
    'TOKEN_ENCRYPT_KEY',
  ];
  const stored = first ? {} : JSON.parse(readFileSync(path, 'utf8'));
  const secrets = Object.fromEntries(names.map((name) => [name, stored[name] ?? secret()]));
  writeFileSync(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
  return { secrets, path, first };
}
