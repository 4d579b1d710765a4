import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StoreUnreachable } from '../../errors.js';
import { openRedis, type RedisConnection } from './connection.js';
import { loadScripts } from './scripts.js';
import { startTestRedis, type TestRedis } from './testing/server.js';

describe('a Redis connection (plan 2.2)', () => {
  let server: TestRedis;
  let redis: RedisConnection;
  const folder = mkdtempSync(join(tmpdir(), 'kirogate-lua-'));

  beforeAll(async () => {
    server = await startTestRedis();
    redis = await openRedis({ url: server.url, name: 'test' });
    mkdirSync(join(folder, 'include'));
    writeFileSync(join(folder, 'include', 'add.lua'), 'local function add(a, b)\n  return a + b\nend\n');
    writeFileSync(
      join(folder, 'addTo-1.lua'),
      '#!lua\n--- @include "add"\n--- @include "add"\nreturn {KEYS[1], add(tonumber(ARGV[1]), 1)}\n',
    );
  });
  afterAll(async () => {
    await redis.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  it('runs commands and scripts, also after the server lost its scripts', async () => {
    const script = loadScripts(folder).get('addTo');
    if (script === undefined) throw new Error('no script');
    for (let i = 0; i < 2; i += 1) {
      expect(await redis.run(script, ['k'], [i])).toEqual(['k', i + 1]);
      await redis.command('SCRIPT', 'FLUSH');
    }
    expect(await redis.command('PING')).toBe('PONG');
    await expect(redis.run(script, [], [])).rejects.toThrow('takes 1 keys');
  });

  it('refuses scripts that do not carry their number of keys', () => {
    writeFileSync(join(folder, 'other.lua'), '');
    expect(() => loadScripts(folder)).toThrow('is not named');
    rmSync(join(folder, 'other.lua'));
  });

  it('names host, port and database of a server that it cannot reach, and no password', async () => {
    const opening = openRedis({ url: 'redis://u:verysecret@127.0.0.1:1/2', name: 'test', connectTimeoutMs: 300 });
    const error = await opening.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoreUnreachable);
    expect(String(error)).toMatch(/127\.0\.0\.1:1\/2/);
    expect(String(error)).not.toContain('verysecret');
  });

  it('fails at once while the server is gone, and what was in flight in time', async () => {
    const own = await startTestRedis();
    const mine = await openRedis({ url: own.url, name: 'test', commandTimeoutMs: 500 });
    const waiting = mine.command('BLPOP', 'nothing', 0);
    const rejected = expect(waiting).rejects.toThrow();
    await own.stop();
    await rejected;
    await expect(mine.command('PING')).rejects.toThrow();
    expect(mine.isReady()).toBe(false);
    await mine.close();
  });

  it('gives up a command that is not answered in time', async () => {
    const own = await startTestRedis();
    const mine = await openRedis({ url: own.url, name: 'test', commandTimeoutMs: 100 });
    await expect(mine.command('BLPOP', 'nothing', 0)).rejects.toThrow();
    await mine.close();
    await own.stop();
  });
});
