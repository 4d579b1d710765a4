/** A node of a cluster that must not start says why in its last words, names what is wrong, and shows no secret. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from '../../src/infra/database/port.js';
import { openPostgres } from '../../src/infra/database/postgres.js';
import { startTestPostgres, TEST_PASSWORD, type TestPostgres } from '../../src/infra/database/testing/server.js';
import { freePort } from '../../src/infra/testing/process.js';
import { createClusterNode } from '../support/cluster/node.js';
import { type ClusterRedis, startClusterRedis } from '../support/cluster/redis.js';
import { clusterEnvironment, clusterSecrets } from '../support/cluster.js';
import { runNode } from '../support/process.js';
import { until } from '../support/until.js';

let postgres: TestPostgres;
let redis: ClusterRedis;
let replica: ClusterRedis;
let dir: string;
let good: Record<string, string>;
let count = 0;

beforeAll(async () => {
  const password = clusterSecrets.REDIS_PASSWORD;
  dir = await mkdtemp(join(tmpdir(), 'kirogate-safety-'));
  [postgres, redis] = await Promise.all([startTestPostgres(), startClusterRedis({ password })]);
  replica = await startClusterRedis({ password, settings: [`replicaof 127.0.0.1 ${redis.port}`] });
  good = {
    ...clusterEnvironment({ postgresPort: postgres.port, redisPort: redis.port, simulatorUrl: 'http://127.0.0.1:9' }),
    PORT: '0',
    STARTUP_TIMEOUT_SECONDS: '2',
    SHUTDOWN_GRACE_SECONDS: '0',
  };
});
afterAll(async () => {
  await Promise.all([postgres?.stop(), redis?.stop(), replica?.stop()]);
  await rm(dir, { recursive: true, force: true });
});

const folder = (): string => join(dir, `node-${count++}`);

/** Runs a node that has to end by itself; no secret may stand in what it said. */
async function refused(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const ended = await runNode({ ...good, DATA_DIR: folder(), ...env });
  const secrets = [...Object.values(clusterSecrets), TEST_PASSWORD, 'wrong-password'];
  expect(secrets.filter((secret) => ended.output.includes(secret))).toEqual([]);
  return ended;
}

async function works(env: Record<string, string>): Promise<void> {
  const port = await freePort();
  const node = createClusterNode({
    name: `good-${port}`,
    port,
    dataDir: folder(),
    env: { ...good, STARTUP_TIMEOUT_SECONDS: '60', ...env },
  });
  try {
    await node.start();
    expect((await node.health()).status).toBe(200);
  } finally {
    await node.stop();
  }
}

describe('a node whose configuration cannot be right ends with 78', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    ['PostgreSQL without Redis', { REDIS_URL: '' }, /REDIS_URL is missing/],
    ['Redis without PostgreSQL', { DATABASE_URL: '' }, /DATABASE_URL is not PostgreSQL/],
    ['an address of Redis that is none', { REDIS_URL: 'http://127.0.0.1:6379' }, /REDIS_URL \(the Redis.*redis:\/\//],
    ['a number of a database that is none', { REDIS_URL: 'redis://127.0.0.1:6379/abc' }, /REDIS_URL \(the Redis.*a number.*expected/],
    ['a port that is none', { REDIS_URL: 'redis://127.0.0.1:0' }, /REDIS_URL \(the Redis.*1 to 65535.*expected/],
  ])('%s', async (_name, env, words) => {
    const { code, output } = await refused(env);
    expect(output).toMatch(words);
    expect(output.match(/^ {2}- /gm)).toHaveLength(1);
    expect(code).toBe(78);
  });
});

describe('a node whose secrets protect nothing ends with 78', () => {
  it('naming all of them at once: short, missing, samples', async () => {
    const env = {
      TOKEN_ENCRYPT_KEY: 'short',
      USER_SESSION_SECRET: '',
      ADMIN_SECRET_KEY: 'change-me-change-me-change-me',
      ADMIN_PASSWORD: 'admin123',
    };
    const { code, output } = await refused(env);
    expect(output).toMatch(/TOKEN_ENCRYPT_KEY.*16/);
    expect(output).toMatch(/USER_SESSION_SECRET.*16/);
    expect(output).toMatch(/ADMIN_SECRET_KEY.*sample/);
    expect(output).toMatch(/ADMIN_PASSWORD.*sample/);
    expect(code).toBe(78);
  });

  it('when there is no admin password', async () => {
    const { code, output } = await refused({ ADMIN_PASSWORD: '' });
    expect(output).toMatch(/ADMIN_PASSWORD/);
    expect(code).toBe(78);
  });
});

describe('a node whose stores are not for it ends with 78', () => {
  it.each<[string, readonly string[], RegExp]>([
    ['may not write streams', ['~*', '+@all', '-xadd'], /lacks rights in Redis at 127\.0\.0\.1:\d+\/0: \+xadd;/],
    ['has other keys', ['~other:*', '+@all'], /: ~kirogate:\*;/],
    ['may not ask for facts', ['~*', '+@all', '-info'], /: \+info;/],
  ])('when the user of Redis %s, naming variable, server and right', async (_name, rights, words) => {
    await redis.command('ACL', 'SETUSER', 'narrow', 'reset', 'on', '>wrong-password', ...rights);
    const { code, output } = await refused({ REDIS_URL: `redis://narrow:wrong-password@127.0.0.1:${redis.port}/0` });
    expect(output).toMatch(words);
    expect(output).toMatch(/REDIS_URL/);
    expect(code).toBe(78);
    // Also what the driver says of it is a line of the log.
    expect(() =>
      output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).not.toThrow();
  });

  it('when the role of PostgreSQL may not write, or not make tables, naming variable and server', async () => {
    const url = await postgres.freshDatabase();
    const guest = url.replace(/\/\/[^:]+:[^@]+@/, '//guest:wrong-password@');
    const owner = await openPostgres({ url, poolSize: 1 });
    const run = (statement: string): Promise<unknown> => owner.query(sql.__dangerous__rawValue(statement));
    try {
      await run("create role guest login password 'wrong-password'");
      const empty = await refused({ DATABASE_URL: guest });
      expect(empty.output).toMatch(/PostgreSQL at 127\.0\.0\.1:\d+\/.*DATABASE_URL lacks a right.*permission denied for schema public/);
      expect(empty.code).toBe(78);
      await works({ DATABASE_URL: url });
      await run('grant select on all tables in schema public to guest');
      const reader = await refused({ DATABASE_URL: guest });
      expect(reader.output).toMatch(/DATABASE_URL: the role guest may not .*PostgreSQL at 127\.0\.0\.1/);
      expect(reader.code).toBe(78);
    } finally {
      await owner.close();
    }
  });

  it('when the database was made with other partitions, or by a newer build', async () => {
    const url = await postgres.freshDatabase();
    await works({ DATABASE_URL: url });
    const partitions = await refused({ DATABASE_URL: url, EVENT_PARTITIONS: '4' });
    expect(partitions.output).toMatch(/EVENT_PARTITIONS=8.*now it is 4/);
    expect(partitions.code).toBe(78);
    const owner = await openPostgres({ url, poolSize: 1 });
    await owner.query(
      sql`insert into kirogate_migrations (version, name, checksum, applied_at) values (${9999}, ${'9999_future.sql'}, ${'x'}, ${1})`,
    );
    await owner.close();
    const newer = await refused({ DATABASE_URL: url });
    expect(newer.output).toMatch(/newer KiroGate.*9999_future/);
    expect(newer.code).toBe(78);
  });
});

describe('a node that cannot use its stores ends with 69, naming host, port and database', () => {
  it('when nobody listens where PostgreSQL should be', async () => {
    const port = await freePort();
    const { code, output } = await refused({ DATABASE_URL: `postgresql://kirogate:wrong-password@127.0.0.1:${port}/kirogate` });
    expect(output).toMatch(new RegExp(`127\\.0\\.0\\.1.*${port}.*kirogate`));
    expect(code).toBe(69);
  });

  it('when the password of PostgreSQL is wrong', async () => {
    const { code, output } = await refused({ DATABASE_URL: postgres.url.replace(TEST_PASSWORD, 'wrong-password') });
    // The log's line of the end has it as the error and as its own words, and nowhere else.
    const last = output.trim().split('\n').at(-1) ?? '';
    expect((JSON.parse(last) as { err: { message: string } }).err.message.match(/password authentication failed/g)).toHaveLength(1);
    expect(output).toContain(String(postgres.port));
    expect(code).toBe(69);
  });

  it('when the database does not exist', async () => {
    const { code, output } = await refused({ DATABASE_URL: postgres.url.replace(/\/kirogate$/, '/nowhere') });
    expect(output).toMatch(/nowhere/);
    expect(code).toBe(69);
  });

  it('when nobody listens where Redis should be', async () => {
    const port = await freePort();
    const { code, output } = await refused({ REDIS_URL: `redis://:wrong-password@127.0.0.1:${port}/3` });
    expect(output).toContain(`127.0.0.1:${port}/3`);
    expect(code).toBe(69);
  });

  it('when the password of Redis is wrong', async () => {
    const { code, output } = await refused({ REDIS_URL: `redis://:wrong-password@127.0.0.1:${redis.port}/0` });
    expect(output).toMatch(/WRONGPASS|password/i);
    expect(output).toContain(`127.0.0.1:${redis.port}/0`);
    expect(code).toBe(69);
  });

  it('when Redis is a read-only replica', async () => {
    const { code, output } = await refused({ REDIS_URL: `redis://:${clusterSecrets.REDIS_PASSWORD}@127.0.0.1:${replica.port}/0` });
    expect(output).toMatch(/read-only|replica/i);
    expect(code).not.toBe(0);
  });

  it('when Redis is older than 7.0', async () => {
    const old = await oldRedis();
    try {
      const address = old.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      const { code, output } = await refused({ REDIS_URL: `redis://127.0.0.1:${port}/0` });
      expect(output).toMatch(/6\.2\.6/);
      expect(output).toMatch(/7\.0/);
      expect(code).not.toBe(0);
    } finally {
      old.close();
    }
  });
});

describe('nodes of one cluster', () => {
  it('start together on one shared folder, also over what they left when all were killed', async () => {
    const dataDir = folder();
    const nodes = await Promise.all(
      ['one', 'two', 'three'].map(async (name) =>
        createClusterNode({ name, port: await freePort(), dataDir, env: { ...good, STARTUP_TIMEOUT_SECONDS: '60' } }),
      ),
    );
    try {
      for (let round = 0; round < 2; round += 1) {
        await Promise.all(nodes.map((node) => node.start()));
        await Promise.all(nodes.map((node) => node.kill()));
      }
      await Promise.all(nodes.map((node) => node.start()));
    } finally {
      expect(await Promise.all(nodes.map((node) => node.stop()))).toEqual([0, 0, 0]);
    }
    expect(await readdir(join(dataDir, 'spool'))).toEqual([]);
  }, 240_000);

  it('take an address whose scheme is in capitals', async () => {
    await works({ DATABASE_URL: good['DATABASE_URL']?.replace('postgresql', 'POSTGRESQL') ?? '' });
  });

  it('refuse secrets that differ from those of the first, by name, and take a new one beside the previous', async () => {
    await works({});
    const names = ['ADMIN_SECRET_KEY', 'USER_SESSION_SECRET', 'TOKEN_ENCRYPT_KEY'] as const;
    const others = names.map((name) => [name, `another-${clusterSecrets[name].split('').reverse().join('')}`] as const);
    // At once, and so with more time than one alone is given.
    const ends = await Promise.all(others.map(([name, other]) => refused({ [name]: other, STARTUP_TIMEOUT_SECONDS: '60' })));
    for (const [i, [name, other]] of others.entries()) {
      const { code, output } = ends[i] ?? { code: null, output: '' };
      expect(output).toContain(name);
      expect(output).not.toContain(other);
      expect(code).toBe(78);
    }
    const previous = names.map((name) => [`${name}_PREVIOUS`, clusterSecrets[name]]);
    await works(Object.fromEntries([...others, ...previous]) as Record<string, string>);
    // Back again: what the rotation made current is the previous one in turn.
    await works(Object.fromEntries(others.map(([name, other]) => [`${name}_PREVIOUS`, other])));
  });

  it('refuse another Redis than that of the others, and a database that their server does not have, by name', async () => {
    const port = await freePort();
    const first = createClusterNode({ name: 'first', port, dataDir: folder(), env: { ...good, STARTUP_TIMEOUT_SECONDS: '60' } });
    try {
      await first.start();
      // The one takes its time before it is sure.
      const [other, none] = await Promise.all(
        ['5', '99'].map((database) =>
          refused({ REDIS_URL: good['REDIS_URL']?.replace(/0$/, database) ?? '', STARTUP_TIMEOUT_SECONDS: '60' }),
        ),
      );
      expect(other?.output).toMatch(new RegExp(`127\\.0\\.0\\.1:${redis.port}/5.*another one \\(first\\)`));
      expect(other?.code).toBe(78);
      expect(none?.output).toMatch(/no database 99 .*0 to 15/);
      expect(none?.code).toBe(78);
    } finally {
      await first.stop();
    }
  });

  it('say so at start when a Redis may forget what it is told to keep', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const port = await freePort();
    const node = createClusterNode({ name: 'warned', port, dataDir: folder(), env: { ...good, STARTUP_TIMEOUT_SECONDS: '60' } });
    try {
      await node.start();
      await until('the warning', () => (/"level":"warn".*noeviction/.test(node.output()) ? true : undefined));
    } finally {
      await node.stop();
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    }
  });
});

/** Speaks as much of the protocol as a client needs that asks who it is talking to. */
function oldRedis(): Promise<Server> {
  const info =
    '# Server\r\nredis_version:6.2.6\r\nredis_mode:standalone\r\nrun_id:0123456789012345678901234567890123456789\r\nloading:0\r\nrole:master\r\n';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      for (const [, command = ''] of chunk.toString('latin1').matchAll(/\*\d+\r\n\$\d+\r\n([A-Za-z]+)\r\n/g)) {
        if (command.toLowerCase() === 'info') socket.write(`$${info.length}\r\n${info}\r\n`);
        else if (command.toLowerCase() === 'ping') socket.write('+PONG\r\n');
        else if (['eval', 'evalsha', 'config', 'xadd', 'role'].includes(command.toLowerCase()))
          socket.write(`-ERR unknown command '${command}'\r\n`);
        else socket.write('+OK\r\n');
      }
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
