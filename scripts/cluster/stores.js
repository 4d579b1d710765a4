/** PostgreSQL and Redis of a local cluster, each with its data in a folder of its own and a password. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { ensureServer } from '../services.js';

/** PostgreSQL refuses to run as root: then another account runs it. */
function accountForPostgres() {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody');
  if (!found) throw new Error('PostgreSQL does not run as root, and there is no account postgres or nobody to run it');
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

/** `wanted` where that account can get at it, else a folder that belongs to the wanted one under /var/tmp. */
function folderFor(account, wanted) {
  const usable = (folder) => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!account) return true;
    chownSync(folder, account.uid, account.gid);
    return spawnSync('test', ['-w', folder], { ...account, cwd: '/' }).status === 0;
  };
  if (usable(wanted)) return wanted;
  const other = join('/var/tmp', `kirogate-cluster-${createHash('sha256').update(wanted).digest('hex').slice(0, 12)}`);
  if (usable(other)) return other;
  throw new Error(`PostgreSQL runs as another account, which can reach neither ${wanted} nor ${other}; choose a folder with --data`);
}

/** Starts the server, makes database and role the first time; answers the folder that it uses. */
export async function startPostgres({ processes, dir, port, password }) {
  const program = realpathSync(ensureServer('postgres'));
  const account = accountForPostgres();
  const folder = folderFor(account, join(dir, 'postgres'));
  const data = join(folder, 'data');
  if (!existsSync(join(data, 'PG_VERSION'))) initialise({ initdb: join(dirname(program), 'initdb'), folder, data, password, account });
  const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', max_connections: 200 };
  await processes.start({
    name: 'postgres',
    program,
    args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    cwd: folder,
    account,
    log: join(dir, 'postgres.log'),
    stop: 'SIGINT',
    ready: (said) => (said.includes('ready to accept') ? true : undefined),
  });
  await createDatabase({ port, password });
  return folder;
}

function initialise({ initdb, folder, data, password, account }) {
  const file = join(folder, 'password');
  writeFileSync(file, password, { mode: 0o600 });
  if (account) chownSync(file, account.uid, account.gid);
  const args = ['-D', data, '-U', 'kirogate', '--pwfile', file, '--auth', 'scram-sha-256', '--locale', 'C', '-E', 'UTF8'];
  const made = spawnSync(initdb, args, { ...account, cwd: folder, encoding: 'utf8' });
  rmSync(file);
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr ?? made.error?.message}`);
}

async function createDatabase({ port, password }) {
  const { Client } = (await import('pg')).default;
  const client = new Client({ host: '127.0.0.1', port, user: 'kirogate', password, database: 'postgres' });
  await client.connect();
  try {
    const { rowCount } = await client.query("select 1 from pg_database where datname = 'kirogate'");
    if (rowCount === 0) await client.query('create database kirogate template template0');
  } finally {
    await client.end();
  }
}

/** As the compose file has it: append-only file, nothing evicted. */
export async function startRedis({ processes, dir, port, password }) {
  const folder = join(dir, 'redis');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const config = join(folder, 'redis.conf');
  const lines = [`port ${port}`, 'bind 127.0.0.1', `dir "${folder}"`, 'save ""', 'appendonly yes', 'appendfsync everysec'];
  writeFileSync(config, `${[...lines, 'maxmemory-policy noeviction', `requirepass ${password}`].join('\n')}\n`, { mode: 0o600 });
  chmodSync(config, 0o600);
  await processes.start({
    name: 'redis',
    program: ensureServer('redis-server'),
    args: [config],
    cwd: folder,
    log: join(dir, 'redis.log'),
    ready: () => redisAnswers(port, password),
  });
}

/** true once the server has read its file and takes commands. */
function redisAnswers(port, password) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    let said = '';
    socket.on('error', () => done(undefined));
    socket.on('data', (chunk) => {
      said += chunk;
      if (said.includes('+PONG')) done(true);
      else if (said.includes('-LOADING')) done(undefined);
    });
    socket.write(`AUTH ${password}\r\nPING\r\n`);
  });
}
