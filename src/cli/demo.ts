/** `kirogate demo`: a node with the simulated upstream behind it, demo accounts, tokens and keys, and a trickle of traffic. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { type App, startApp } from '../app.js';
import { loadConfig } from '../config.js';
import { createLogger } from '../infra/logger.js';
import { type Simulator, startSimulator } from '../simulator/index.js';
import { stopSignal } from './stopSignal.js';

interface Member {
  readonly email: string;
  readonly password: string;
  readonly key: string;
}

const MODELS = ['claude-sonnet-4-5', 'claude-haiku-4-5', 'claude-opus-4.7'];

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('run a node with a simulated upstream, demo accounts and a trickle of traffic; nothing is kept')
    .action(demo);
}

async function demo(): Promise<void> {
  const stop = stopSignal();
  const dataDir = await mkdtemp(join(tmpdir(), 'kirogate-demo-'));
  const simulator = await startSimulator();
  let app: App | undefined;
  try {
    const adminApiKey = randomBytes(18).toString('base64url');
    const adminPassword = randomBytes(9).toString('base64url');
    app = await startDemoNode(dataDir, simulator, adminApiKey, adminPassword);
    const url = `http://127.0.0.1:${app.port}`;
    const members = await seed(url, adminApiKey, simulator);
    print(url, adminApiKey, adminPassword, members);
    await trickle(url, members, stop);
  } finally {
    await app?.stop();
    await simulator.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** PORT from the environment where it is set, else 8000 or, when that is taken, any free one. */
async function startDemoNode(dataDir: string, simulator: Simulator, adminApiKey: string, adminPassword: string): Promise<App> {
  const env = {
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    TOKEN_PACING_MIN_MS: '20',
    TOKEN_PACING_MAX_MS: '200',
    ...process.env,
    DATA_DIR: dataDir,
    DATABASE_URL: '',
    REDIS_URL: '',
    ADMIN_API_KEY: adminApiKey,
    ADMIN_PASSWORD: adminPassword,
    KIRO_AUTH_URL: simulator.url,
    KIRO_OIDC_URL: simulator.url,
    KIRO_API_URL: simulator.url,
    KIRO_MANAGEMENT_URL: simulator.url,
  };
  const config = loadConfig(env);
  const logger = createLogger({ level: config.LOG_LEVEL, nodeId: 'demo' });
  try {
    return await startApp({ config, nodeId: 'demo', logger });
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE' && !process.env['PORT'];
    if (!taken) throw error;
    return await startApp({ config: { ...config, PORT: 0 }, nodeId: 'demo', logger });
  }
}

async function seed(url: string, adminApiKey: string, simulator: Simulator): Promise<Member[]> {
  const post = poster(url, adminApiKey);
  const members: Member[] = [];
  for (const username of ['ada', 'grace', 'linus']) {
    const email = `${username}@demo.test`;
    const password = randomBytes(9).toString('base64url');
    const user = await post<{ id: string }>('/admin/api/users', { username, email, password });
    const { key } = await post<{ key: string }>(`/admin/api/users/${user.id}/keys`, { name: 'demo' });
    members.push({ email, password, key });
    const kind = username === 'grace' ? 'idc' : 'social';
    const credential = simulator.addCredential({ kind });
    await post('/admin/api/tokens', {
      provider: 'kiro',
      authType: kind,
      refreshToken: credential.refreshToken,
      ...(credential.clientId !== undefined && { clientId: credential.clientId, clientSecret: credential.clientSecret }),
      visibility: 'public',
      userId: user.id,
      name: `${username}'s account`,
    });
  }
  return members;
}

function poster(url: string, adminApiKey: string) {
  return async <T = unknown>(path: string, body: unknown): Promise<T> => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminApiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  };
}

function print(url: string, adminApiKey: string, adminPassword: string, members: readonly Member[]): void {
  const body = `{"model":"${MODELS[0]}","messages":[{"role":"user","content":"Hello from the demo"}]}`;
  const lines = [
    '',
    `KiroGate demo: ${url}   (Ctrl+C ends it; nothing is kept)`,
    '',
    'Send a request:',
    `  curl -s ${url}/v1/chat/completions -H 'authorization: Bearer ${members[0]?.key}' -H 'content-type: application/json' -d '${body}'`,
    '',
    'See it in the activity within a second:',
    `  curl -s '${url}/admin/api/activity?limit=5' -H 'authorization: Bearer ${adminApiKey}'`,
    '',
    'Point Claude Code at it:',
    `  ANTHROPIC_BASE_URL=${url} ANTHROPIC_API_KEY=${members[0]?.key} claude --model ${MODELS[0]}`,
    '',
    `Admin panel: ${url}/admin   password ${adminPassword}`,
    `Member panel: ${url}/panel`,
    ...members.map((member) => `  Member: ${member.email}, password ${member.password}, key ${member.key}`),
    `Reference: ${url}/docs   ${url}/openapi.json   ${url}/asyncapi.json   ${url}/metrics`,
    '',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** One small request every few seconds, now and then one that fails, so that every page has something to show. */
async function trickle(url: string, members: readonly Member[], stop: AbortSignal): Promise<void> {
  for (let i = 0; !stop.aborted; i += 1) {
    await wait(1_500 + Math.random() * 2_500, undefined, { signal: stop }).catch(() => undefined);
    if (stop.aborted) return;
    const member = members[i % members.length];
    const text = i % 9 === 8 ? '[[sim error 500 - a simulated fault]]' : `Demo request ${i}`;
    const body = { model: MODELS[i % MODELS.length], stream: i % 2 === 0, messages: [{ role: 'user', content: text }] };
    try {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${member?.key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: stop,
      });
      await response.text();
    } catch (error) {
      if (!stop.aborted) process.stderr.write(`the trickle of traffic met a fault: ${String(error)}\n`);
    }
  }
}
