/** What is measured side by side; each `start(world)` answers `{ url, headers, pids, beside, stop }`. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureServer } from '../../scripts/services.js';
import { answers, end, freePort, startScript } from './processes.js';

const bench = fileURLToPath(new URL('..', import.meta.url));
const root = join(bench, '..');

const scriptProxy = (name) => async (world) => {
  const proxy = await startScript([join(bench, 'proxies', `${name}.js`), world.upstream.openai], { cwd: root });
  return { url: `http://127.0.0.1:${proxy.port}`, headers: {}, pids: [proxy.pid], stop: proxy.stop };
};

async function nginx(world) {
  const program = ensureServer('nginx');
  const dir = join(world.dir, 'nginx');
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const config = `daemon off; master_process off; error_log ${dir}/error.log; pid ${dir}/nginx.pid;
events { worker_connections 4096; }
http { access_log off; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  upstream model { server ${new URL(world.upstream.openai).host}; keepalive 256; }
  server { listen 127.0.0.1:${port} reuseport; location / { proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }`;
  writeFileSync(join(dir, 'nginx.conf'), config);
  const child = spawn(program, ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')], { stdio: 'inherit' });
  const url = `http://127.0.0.1:${port}`;
  await accepts(url);
  return { url, headers: {}, pids: [child.pid], stop: () => end(child) };
}

/** Any answer will do: peers have no health path in common. */
async function accepts(url) {
  for (let tries = 0; tries < 300; tries += 1) {
    const up = await fetch(url, { method: 'POST', body: '{}' }).then(
      () => true,
      () => false,
    );
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nothing listens at ${url}`);
}

/** Installed when first asked for, from bench/peers/package-lock.json; never part of the product. */
async function portkey(world) {
  const peers = join(bench, 'peers');
  const program = join(peers, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js');
  if (!existsSync(program)) {
    console.error('Installing the peers to be measured beside (bench/peers) …');
    const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: peers, stdio: ['ignore', 2, 2] });
    if (npm.status !== 0) throw new Error('the peers could not be installed; leave them out with --without portkey');
  }
  const port = await freePort();
  const child = spawn(process.execPath, [program, `--port=${port}`, '--headless'], { cwd: peers, stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  await accepts(url);
  const headers = {
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${world.upstream.openai}/v1`,
    authorization: 'Bearer sk-bench',
  };
  return { url, headers, pids: [child.pid], stop: () => end(child) };
}

const ADMIN_API_KEY = 'bench-admin-api-key-of-one-run';
const TOKENS = 20;

/** The product with everything on; only the caps are so wide that they do not end the measurement. */
const productEnvironment = (world, dir, port) => ({
  PATH: process.env.PATH,
  HOST: '127.0.0.1',
  PORT: `${port}`,
  DATA_DIR: dir,
  LOG_LEVEL: 'warn',
  ADMIN_API_KEY,
  ADMIN_PASSWORD: 'a-password-of-one-bench-run',
  ADMIN_SECRET_KEY: 'a-secret-of-one-bench-run-1',
  USER_SESSION_SECRET: 'a-secret-of-one-bench-run-2',
  TOKEN_ENCRYPT_KEY: 'a-secret-of-one-bench-run-3',
  TOKEN_PACING_MIN_MS: '0',
  TOKEN_PACING_MAX_MS: '0',
  TOKEN_RPM_LIMIT: '100000',
  TOKEN_RPH_LIMIT: '1000000',
  TOKEN_MAX_CONCURRENT: '1000',
  DEFAULT_KEY_RPM_LIMIT: '100000',
  DEFAULT_USER_DAILY_QUOTA: '1000000000',
  DEFAULT_USER_MONTHLY_QUOTA: '1000000000',
  KIRO_AUTH_URL: world.upstream.kiro,
  KIRO_OIDC_URL: world.upstream.kiro,
  KIRO_API_URL: world.upstream.kiro,
  KIRO_MANAGEMENT_URL: world.upstream.kiro,
});

async function startProduct(world, name, env) {
  const dir = join(world.dir, name);
  const port = await freePort();
  const stdio = ['ignore', 'ignore', 'inherit'];
  const child = spawn(process.execPath, [join(root, 'dist', 'main.js')], {
    env: { ...productEnvironment(world, dir, port), ...env },
    stdio,
  });
  const url = `http://127.0.0.1:${port}`;
  await answers(`${url}/health`);
  const key = await provision(world, url);
  return { url, headers: { authorization: `Bearer ${key}` }, pids: [child.pid], stop: () => end(child) };
}

async function send(url, body, headers = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** Upstream accounts, their tokens in the pool, a member with a key. */
async function provision(world, url) {
  const admin = (path, body) => send(`${url}${path}`, body, { authorization: `Bearer ${ADMIN_API_KEY}` });
  for (let i = 0; i < TOKENS; i += 1) {
    const account = await send(`${world.upstream.kiro}/_sim/credentials`, { kind: 'social' });
    await admin('/admin/api/tokens', { provider: 'kiro', authType: 'social', refreshToken: account.refreshToken, visibility: 'public' });
  }
  const user = await admin('/admin/api/users', { username: 'bench' });
  return (await admin(`/admin/api/users/${user.id}/keys`, { name: 'bench' })).key;
}

async function distributed(world) {
  const { startStores } = await import('./stores.js');
  const stores = await startStores(world);
  const env = { DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.redisUrl, NODE_ID: 'bench' };
  const node = await startProduct(world, 'kirogate-distributed', env).catch(async (error) => {
    await stores.stop();
    throw error;
  });
  const stop = async () => {
    await node.stop();
    await stores.stop();
  };
  return { ...node, beside: { redis: [stores.redisPid] }, stop };
}

/** What every reply takes without a proxy; its processor time is not looked at. */
export const UPSTREAM_ALONE = 'upstream alone';

export const subjects = [
  { name: UPSTREAM_ALONE, start: async (world) => ({ url: world.upstream.openai, headers: {}, pids: [], stop: async () => undefined }) },
  { name: 'http + undici', start: scriptProxy('http') },
  { name: 'Express + undici', start: scriptProxy('express') },
  { name: 'nginx', start: nginx },
  { name: 'Portkey gateway', start: portkey },
  { name: 'KiroGate, single node', start: (world) => startProduct(world, 'kirogate-single', {}) },
  { name: 'KiroGate, distributed', start: distributed },
];
