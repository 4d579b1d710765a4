/** How long each page's API calls take over a pool with a month of traffic behind it: a real node, asked over HTTP. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { migrate } from '../dist/infra/database/migrate.js';
import { openPostgres } from '../dist/infra/database/postgres.js';
import { openSqlite } from '../dist/infra/database/sqlite.js';
import { createPasswords } from '../dist/infra/passwords.js';
import { systemClock } from '../dist/shared/clock.js';
import { answers, end, freePort, median } from './lib/processes.js';
import { heavyEmail, heavyUser, rareModel, seedPanels } from './lib/seedPanels.js';
import { startStores } from './lib/stores.js';
import { printTable } from './lib/table.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const TARGET_MS = 200;
const adminKey = randomBytes(24).toString('hex');
const password = randomBytes(12).toString('hex');

/** Runs on SQLite, or with `postgres` on PostgreSQL and Redis of its own. Answers a row for each call. */
export async function measurePanels({ dir, rows, tokens, users, rounds, postgres }) {
  const dataDir = join(dir, 'panels');
  mkdirSync(dataDir);
  const stores = postgres ? await startStores({ dir }) : null;
  const now = Date.now();
  try {
    const db = stores ? await openPostgres({ url: stores.databaseUrl }) : await openSqlite({ path: join(dataDir, 'kirogate.db') });
    await migrate(db, { dir: join(root, 'migrations'), eventPartitions: 8, clock: systemClock, logger: pino({ level: 'error' }) });
    const begun = performance.now();
    await seedPanels(db, { now, rows, tokens, users, passwordHash: await createPasswords().hash(password) });
    await db.close();
    const took = ((performance.now() - begun) / 1000).toFixed(0);
    console.log(
      `\nPanels on ${stores ? 'PostgreSQL' : 'SQLite'}: ${rows} requests, ${tokens} tokens, ${users} members, seeded in ${took} s`,
    );
    const node = await startNode({ dataDir, stores });
    try {
      const measured = await timeAll(node.url, { now, rows, rounds });
      print(measured);
      return measured;
    } finally {
      await end(node.child);
    }
  } finally {
    await stores?.stop();
  }
}

async function startNode({ dataDir, stores }) {
  const port = await freePort();
  const secret = () => randomBytes(24).toString('hex');
  const shared = stores && { DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.redisUrl };
  const secrets = { ADMIN_PASSWORD: secret(), ADMIN_SECRET_KEY: secret(), USER_SESSION_SECRET: secret(), TOKEN_ENCRYPT_KEY: secret() };
  const env = {
    ...{ PATH: process.env.PATH, HOST: '127.0.0.1', PORT: String(port), DATA_DIR: dataDir, ADMIN_API_KEY: adminKey },
    // No token is due for a check while this runs.
    ...{ LOG_LEVEL: 'error', TOKEN_HEALTH_CHECK_INTERVAL: '86400', ...secrets, ...shared },
  };
  const child = spawn(process.execPath, [join(root, 'dist', 'main.js')], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  await answers(`${url}/health`, 120_000);
  return { url, child };
}

async function timeAll(url, { now, rows, rounds }) {
  const admin = { authorization: `Bearer ${adminKey}` };
  const member = await signIn(url);
  const measured = [];
  for (const path of adminCalls(now, await deepCursor(url, admin, rows))) measured.push(await timed(url, path, admin, rounds));
  for (const path of memberCalls(now)) measured.push(await timed(url, path, member, rounds));
  return measured;
}

async function signIn(url) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/auth/login`, { method: 'POST', headers, body: JSON.stringify({ email: heavyEmail, password }) });
  if (!response.ok) throw new Error(`the member cannot sign in: ${response.status} ${await response.text()}`);
  return {
    cookie: response.headers
      .getSetCookie()
      .map((one) => one.split(';')[0])
      .join('; '),
  };
}

/** A place in the middle of all activity, as somebody who turned thousands of pages would have it. */
async function deepCursor(url, headers, rows) {
  const to = new Date(Date.now() - 15 * 86_400_000).toISOString();
  const response = await fetch(`${url}/admin/api/activity?limit=1&to=${to}`, { headers });
  const { nextCursor } = await response.json();
  if (nextCursor === null) throw new Error(`${rows} rows give no second page`);
  return nextCursor;
}

async function timed(url, path, headers, rounds) {
  const times = [];
  let bytes = 0;
  // The first one warms up.
  for (let round = 0; round <= rounds; round += 1) {
    const start = performance.now();
    const response = await fetch(url + path, { headers });
    bytes = (await response.arrayBuffer()).byteLength;
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    if (round > 0) times.push(performance.now() - start);
  }
  return { path, median: median(times), worst: Math.max(...times), bytes };
}

function adminCalls(now, deep) {
  const [from, to] = [9, 8].map((days) => new Date(now - days * 86_400_000).toISOString());
  const sorts = (path, names) => names.map((sort) => `${path}?sort=${sort}`);
  return [
    ...['/cluster', '/cluster/history', '/metrics?window=1m', '/metrics?window=1h', '/metrics?window=24h', '/metrics?window=all'],
    ...['/metrics/series?window=1h', '/metrics/series?window=24h', '/metrics/series?window=7d'],
    ...sorts('/users', ['newest', 'oldest', 'name', 'requests', 'lastUsed']),
    ...['/users?q=member%2019999', '/users?q=nobody-at-all', '/users?status=pending', '/users?status=banned&sort=requests'],
    ...[`/users/${heavyUser}`, '/users/u77', `/users/${heavyUser}/keys`],
    ...sorts('/tokens', ['newest', 'oldest', 'name', 'risk', 'lastUsed']),
    ...['/tokens?q=token%2029999', '/tokens?status=active', '/tokens?status=cooling', '/tokens?status=suspended', '/tokens?highRisk=true'],
    ...['/tokens/risky', '/tokens/t0', '/tokens/risk-history', '/tokens/risk-history?tokenId=t0'],
    ...['/activity', '/activity?limit=500', '/activity?userId=u77', `/activity?userId=${heavyUser}`, `/activity?model=${rareModel}`],
    ...['/activity?model=no-such-model', `/activity?userId=${heavyUser}&model=${rareModel}`, `/activity?userId=${heavyUser}&status=504`],
    ...[
      '/activity?status=200',
      '/activity?status=429',
      '/activity?status=504',
      '/activity?status=418',
      `/activity?status=500&model=${rareModel}`,
    ],
    ...[`/activity?from=${from}&to=${to}`, `/activity?model=${rareModel}&from=${from}&to=${to}`, `/activity?cursor=${deep}`],
    ...[
      '/audit',
      '/audit?type=kirogate.ip.banned',
      '/audit?type=kirogate.user.approved',
      '/audit?actor=admin',
      '/audit?actor=admin-api-key',
    ],
    ...['/audit?actor=user/nobody', '/audit?type=kirogate.ip.banned&actor=admin-api-key', `/audit?from=${from}&to=${to}`],
    ...['/projections', '/parked-events', '/parked-events?projection=activity', '/config', '/config/details'],
    ...['/events', `/events?from=${from}&to=${to}`, '/events?types=kirogate.ip.banned', '/import-keys', '/ip-bans', '/announcements'],
  ].map((path) => `/admin/api${path}`);
}

function memberCalls(now) {
  const from = new Date(now - 8 * 86_400_000).toISOString();
  return [
    ...['/profile', '/stats', '/quota', '/tokens', '/keys', '/activity', `/activity?model=${rareModel}`, '/activity?status=504'],
    ...[
      `/activity?from=${from}`,
      '/notifications',
      '/notifications?unread=true',
      '/announcements',
      '/tokens/t0/usage?days=62',
      '/tokens/t7/usage',
    ],
  ].map((path) => `/user/api${path}`);
}

function print(measured) {
  const text = ({ path, median: ms, worst, bytes }) => [
    path,
    ms.toFixed(0),
    worst.toFixed(0),
    (bytes / 1024).toFixed(0),
    ms < TARGET_MS ? '' : 'over',
  ];
  printTable(['call', 'median ms', 'worst ms', 'KiB', `of ${TARGET_MS} ms`], measured.map(text));
}
