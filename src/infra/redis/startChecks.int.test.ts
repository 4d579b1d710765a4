import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../config.js';
import { StoreUnreachable } from '../../errors.js';
import { openRedis, type RedisConnection, type RedisReply } from './connection.js';
import { COMMANDS } from './rights.js';
import { checkRedis } from './startChecks.js';
import { startTestRedis, type TestRedis } from './testing/server.js';

const operations = fileURLToPath(new URL('../../../docs/operations.md', import.meta.url));
const GOOD = ['--appendonly', 'yes', '--appendfsync', 'everysec'];

describe('the look at Redis when a node starts', () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const start = async (settings: readonly string[]): Promise<{ server: TestRedis; redis: RedisConnection }> => {
    const server = await startTestRedis(settings);
    ends.push(() => server.stop());
    const redis = await openRedis({ url: server.url, name: 'test' });
    ends.push(() => redis.close());
    return { server, redis };
  };

  it('is content with a server set up as documented', async () => {
    const { redis } = await start(GOOD);
    expect(await checkRedis(redis, 'h:1/0')).toEqual({ version: expect.stringMatching(/^\d+\./), warnings: [] });
    await redis.command('CONFIG', 'SET', 'appendfsync', 'always');
    expect((await checkRedis(redis, 'h:1/0')).warnings).toEqual([]);
  });

  it('warns of each setting that could lose events, one line each', async () => {
    const { redis } = await start(['--maxmemory-policy', 'allkeys-lru', '--appendfsync', 'no', '--no-appendfsync-on-rewrite', 'yes']);
    const { warnings } = await checkRedis(redis, 'h:1/0');
    expect(warnings).toHaveLength(4);
    expect(warnings.join('\n')).toMatch(
      /maxmemory-policy allkeys-lru.*noeviction.*appendonly no.*appendfsync no.*no-appendfsync-on-rewrite yes/s,
    );
  });

  it('says unknown where CONFIG is forbidden, and still sees what INFO tells', async () => {
    const { redis } = await start([...GOOD, '--rename-command', 'CONFIG', '']);
    const { warnings } = await checkRedis(redis, 'h:1/0');
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/appendfsync \(unknown\)/);
  });

  it('refuses a read-only replica and says where to point', async () => {
    const { server } = await start(GOOD);
    const { redis } = await start(['--replicaof', '127.0.0.1', `${server.port}`]);
    await expect(checkRedis(redis, 'h:1/0')).rejects.toThrow(/h:1\/0 is a read-only replica; point REDIS_URL/);
  });

  it('refuses a database that the server does not have, naming it and those it has, instead of using database 0', async () => {
    const { server } = await start([...GOOD, '--databases', '4']);
    const open = (db: number): Promise<RedisConnection> => openRedis({ url: `${server.url}/${db}`, name: 'test' });
    const error = await open(99).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults.join()).toMatch(/127\.0\.0\.1:\d+\/99 has no database 99 .*0 to 3/);
    const last = await open(3);
    expect(await last.command('CLIENT', 'INFO')).toMatch(/ db=3 /);
    await last.close();
  });

  it('refuses a database that the user may not select', async () => {
    const { server, redis } = await start(GOOD);
    await redis.command('ACL', 'SETUSER', 'narrow', 'on', '>pass-of-narrow', '~*', '+@all', '-select', '-config');
    const url = server.url.replace('redis://', 'redis://narrow:pass-of-narrow@');
    const error = await openRedis({ url: `${url}/2`, name: 'test' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toMatch(/no database 2 for this user: NOPERM/);
    expect((error as ConfigError).message).not.toContain('pass-of-narrow');
  });

  const asUser = async (rights: readonly string[]): Promise<readonly string[]> => {
    const { server, redis } = await start(GOOD);
    await redis.command('ACL', 'SETUSER', 'narrow', 'on', '>pass-of-narrow', ...rights);
    const narrow = await openRedis({ url: server.url.replace('redis://', 'redis://narrow:pass-of-narrow@'), name: 'test' });
    ends.push(() => narrow.close());
    const error = await checkRedis(narrow, 'h:1/0').catch((reason: unknown) => reason);
    return error instanceof ConfigError ? error.faults : error instanceof Error ? Promise.reject(error) : [];
  };

  it.each<[string, readonly string[], readonly string[]]>([
    ['one write', ['~*', '+@all', '-xadd'], ['+xadd']],
    ['some commands', ['~kirogate:*', '+@all', '-time', '-memory|usage', '-evalsha'], ['+memory|usage', '+evalsha', '+time']],
    ['INFO and more', ['~kirogate:*', '+@all', '-info', '-zadd'], ['+zadd', '+info']],
    ['all keys', ['~other:*', '+@all'], ['~kirogate:*']],
    ['all keys and SCAN', ['~other:*', '+@all', '-scan'], ['~kirogate:*', '+scan']],
    ['some keys', ['~kirogate:{*', '+@all'], ['~kirogate:*']],
    ['some keys and a command', ['~kirogate:{*', '+@all', '-del'], ['~kirogate:*', '+del']],
    ['scripts', ['~*', '+@all', '-eval'], ['+eval', '+evalsha, without which nothing else can be looked at']],
  ])('refuses a user without the right to %s, naming variable, server and right', async (_name, rights, missing) => {
    expect(await asUser(rights)).toEqual([
      `REDIS_URL: the user named there lacks rights in Redis at h:1/0: ${missing.join(' ')}; grant them with ACL SETUSER`,
    ]);
  });

  it('is content with a user who has no more rights than those it asks for', async () => {
    const needed = new Set(
      COMMANDS.map((text) => text.split(' ')).map(([name = '', sub = '']) => `+${name}${/^(USAGE|STREAM)$/.test(sub) ? `|${sub}` : ''}`),
    );
    expect(await asUser(['~kirogate:*', ...[...needed].map((right) => right.toLowerCase()), '+select', '+client|setname'])).toEqual([]);
  });

  it('is content with the user that docs/operations.md makes', async () => {
    const [, rights = ''] = /ACL SETUSER kirogate on \S+ (\S[^\n`]*)/.exec(readFileSync(operations, 'utf8')) ?? [];
    expect(rights).toMatch(/^~kirogate/);
    expect(await asUser(rights.split(' '))).toEqual([]);
  });

  it('refuses a server on which a command that is needed was disabled', async () => {
    const { redis } = await start([...GOOD, '--rename-command', 'XADD', '']);
    await expect(checkRedis(redis, 'h:1/0')).rejects.toThrow(/REDIS_URL: Redis at h:1\/0 does not know XADD, which/);
  });

  it.each(['6.2.14', 'unknown'])('refuses version %s', async (version) => {
    const info = version === 'unknown' ? 'role:master' : `redis_version:${version}\r\nrole:master`;
    const old: Pick<RedisConnection, 'command'> = { command: (name): Promise<RedisReply> => Promise.resolve(name === 'INFO' ? info : []) };
    await expect(checkRedis(old, 'h:1/0')).rejects.toThrow(StoreUnreachable);
    await expect(checkRedis(old, 'h:1/0')).rejects.toThrow(`version ${version}; KiroGate needs 7.0 or later`);
  });
});
