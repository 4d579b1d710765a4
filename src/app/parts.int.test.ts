/** A node is started in the order of spec R11, and taken down in reverse (plan 17.3), alone and among others. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../config.js';
import { freshPostgresDatabase } from '../infra/database/testing/shared.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import { startParts } from './parts.js';
import { listen } from './server.js';
import { createTeardown } from './teardown.js';

const logger = pino({ level: 'silent' });
let dir: string;
let redis: TestRedis;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kirogate-parts-'));
  redis = await startTestRedis();
});
afterAll(async () => {
  await redis.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Names of the parts in the order in which they stood and in which they were closed. */
async function startedAndClosed(env: Record<string, string>): Promise<{ started: string[]; closed: string[]; health: string }> {
  const started: string[] = [];
  const closed: string[] = [];
  const inner = createTeardown(logger);
  const teardown = {
    run: () => inner.run(),
    add(name: string, close: () => Promise<void> | void) {
      started.push(name);
      inner.add(name, async () => {
        await close();
        closed.push(name);
      });
    },
  };
  const config = loadConfig({ DATA_DIR: join(dir, `${Object.keys(env).length}`), ADMIN_PASSWORD: 'a-password-for-tests', ...env });
  const facts = { nodeId: 'n1', version: 'test', mode: config.mode, uptime: () => 0 };
  const server = await listen({ host: '127.0.0.1', port: 0, facts });
  const node = await startParts({ config, nodeId: 'n1', logger, server, teardown });
  const health = node.health();
  await teardown.run();
  server.destroy();
  return { started, closed, health };
}

const among = (names: readonly string[], wanted: readonly string[]) => names.filter((name) => wanted.includes(name));

describe('the parts of a node', () => {
  it('stand one after another, and are closed in reverse', async () => {
    const { started, closed, health } = await startedAndClosed({});
    const order = ['database', 'event log', 'ingest', 'directory', 'limits', 'gateway', 'health checker', 'node life'];
    expect(among(started, order)).toEqual(order);
    expect(closed).toEqual([...started].reverse());
    expect(health).toBe('healthy');
  });

  it('of a cluster as well, Redis after the database and the heartbeat last', async () => {
    const { started, closed, health } = await startedAndClosed({
      DATABASE_URL: await freshPostgresDatabase(),
      REDIS_URL: redis.url,
      ADMIN_SECRET_KEY: 'secret-of-a-test-0001',
      USER_SESSION_SECRET: 'secret-of-a-test-0002',
      TOKEN_ENCRYPT_KEY: 'secret-of-a-test-0003',
    });
    const order = ['database', 'Redis', 'event log', 'ingest', 'directory', 'limits', 'health checker', 'heartbeat', 'node life'];
    expect(among(started, order)).toEqual(order);
    expect(closed).toEqual([...started].reverse());
    expect(health).toBe('healthy');
  });
});
