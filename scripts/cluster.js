/** `npm run cluster`: what docker-compose.distributed.yml brings up, as processes of this machine: PostgreSQL, Redis, nodes, nginx. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createProcesses } from './cluster/processes.js';
import { loadSecrets, portNear } from './cluster/settings.js';
import { ensureBuilt, ensureInstalled, root } from './prepare.js';

const help = `npm run cluster -- [options]

  --nodes <count>   nodes to start (3, or KIROGATE_REPLICAS)
  --port <port>     where nginx listens (8000, or PORT; another one when it is taken)
  --data <folder>   where everything is kept (./data/cluster)
  --demo            the simulated upstream, a member and tokens; nothing is kept

Every other setting of the nodes comes from the environment, as in compose.`;

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: process.env.KIROGATE_REPLICAS || '3' },
    port: { type: 'string', default: process.env.PORT || '8000' },
    data: { type: 'string', default: join('data', 'cluster') },
    demo: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
const count = Number(values.nodes);
if (!Number.isInteger(count) || count < 1 || count > 30) {
  console.error('--nodes is a number from 1 to 30');
  process.exit(78);
}

ensureInstalled();
ensureBuilt();
const { ensureServer } = await import('./services.js');
const { prepareNginx } = await import('./nginx.js');
const { startPostgres, startRedis } = await import('./cluster/stores.js');
const { seed, startSimulator } = await import('./cluster/demo.js');

const say = (text) => process.stdout.write(`${text}\n`);
const dir = values.demo ? mkdtempSync(join(tmpdir(), 'kirogate-cluster-')) : resolve(root, values.data);
const processes = createProcesses(say);
let stopping;
const leftovers = values.demo ? [dir] : [];

/** Ends everything in order; a second Ctrl-C does it at once. */
function stop(code) {
  if (stopping) {
    processes.kill();
    process.exit(130);
  }
  stopping = processes.stop().finally(() => {
    for (const folder of leftovers) rmSync(folder, { recursive: true, force: true });
    process.exit(code);
  });
  return stopping;
}
process.on('SIGINT', () => void stop(0));
process.on('SIGTERM', () => void stop(0));

try {
  await main();
} catch (error) {
  if (!stopping) {
    console.error(error.message);
    await stop(1);
  }
}

/** As the compose file sets it; what the caller's environment says comes on top, except names and addresses. */
function nodeEnvironment(secrets, ports, simulatorUrl) {
  const upstream = ['KIRO_AUTH_URL', 'KIRO_OIDC_URL', 'KIRO_API_URL', 'KIRO_MANAGEMENT_URL'];
  const { POSTGRES_PASSWORD, REDIS_PASSWORD, ...own } = secrets;
  return {
    ...process.env,
    ...own,
    ...(simulatorUrl && Object.fromEntries(upstream.map((name) => [name, simulatorUrl]))),
    DATABASE_URL: `postgresql://kirogate:${POSTGRES_PASSWORD}@127.0.0.1:${ports.postgres}/kirogate`,
    REDIS_URL: `redis://:${REDIS_PASSWORD}@127.0.0.1:${ports.redis}/0`,
    HOST: '127.0.0.1',
    TRUSTED_PROXIES: '127.0.0.1',
  };
}

async function startNode(name, env, log) {
  const port = await portNear(0);
  const own = { ...env, NODE_ID: name, PORT: `${port}`, DATA_DIR: join(dir, name) };
  await processes.start({
    name,
    program: process.execPath,
    args: [join(root, 'dist', 'main.js')],
    cwd: root,
    env: own,
    log,
    ready: () => fetch(`http://127.0.0.1:${port}/health`).then((answer) => answer.ok || undefined),
    seconds: 120,
  });
  return `127.0.0.1:${port}`;
}

async function main() {
  const { secrets, path, first } = loadSecrets(dir);
  // PostgreSQL runs as another account and has to get through; every secret inside is for its owner only.
  chmodSync(dir, 0o711);
  const ports = { postgres: await portNear(0), redis: await portNear(0), nginx: await portNear(Number(values.port)) };
  say(`Starting PostgreSQL, Redis, ${count} nodes and nginx. Data and logs: ${dir}`);
  const store = { processes, dir };
  const folder = await startPostgres({ ...store, port: ports.postgres, password: secrets.POSTGRES_PASSWORD });
  if (!folder.startsWith(dir)) {
    say(`PostgreSQL keeps its data in ${folder}, because its account cannot get at ${dir}.`);
    if (values.demo) leftovers.push(folder);
  }
  await startRedis({ ...store, port: ports.redis, password: secrets.REDIS_PASSWORD });
  const simulatorUrl = values.demo ? await startSimulator(store) : '';
  const env = nodeEnvironment(secrets, ports, simulatorUrl);
  const names = Array.from({ length: count }, (_, i) => `node-${i + 1}`);
  const servers = await Promise.all(names.map((name) => startNode(name, env, join(dir, `${name}.log`))));
  const url = await startNginx(ports.nginx, servers);
  const key = values.demo ? await seed({ url, adminApiKey: secrets.ADMIN_API_KEY, simulatorUrl }) : '';
  print({ url, servers, secrets, path, first, key });
}

async function startNginx(port, servers) {
  const folder = join(dir, 'nginx');
  mkdirSync(folder, { recursive: true });
  const listen = `127.0.0.1:${port}`;
  await processes.start({
    name: 'nginx',
    program: ensureServer('nginx'),
    args: prepareNginx({ dir: folder, listen, servers }),
    cwd: folder,
    log: join(dir, 'nginx.log'),
    stop: 'SIGQUIT',
    ready: () => fetch(`http://${listen}/health`).then((answer) => answer.ok || undefined),
  });
  return `http://${listen}`;
}

function print({ url, servers, secrets, path, first, key }) {
  // Read from its file, so that the key itself stands on no screen.
  const admin = `-H "authorization: Bearer $(node -p "require('${path}').ADMIN_API_KEY")"`;
  const body = `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"Hello from the cluster"}]}`;
  const chat = `curl -s ${url}/v1/chat/completions -H 'authorization: Bearer ${key}' -H 'content-type: application/json' -d '${body}'`;
  const lines = [
    '',
    `KiroGate cluster: ${url}   (Ctrl+C ends it${values.demo ? '; nothing is kept' : ''})`,
    ...servers.map((server, i) => `  node-${i + 1}: http://${server}`),
    '',
    ...(key === '' ? [] : ['Send a request:', `  ${chat}`, '']),
    'See the nodes:',
    `  curl -s ${url}/admin/api/cluster ${admin}`,
    '',
    `Panel: ${url}/admin   ${first ? `admin password, shown this once: ${secrets.ADMIN_PASSWORD}` : 'the admin password was shown at the first start'}`,
    `All secrets: ${path}`,
    '',
  ];
  say(lines.join('\n'));
}
