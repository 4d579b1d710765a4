/** `kirogate doctor` on both kinds of installation: it finds what would hurt, names the fix, and changes nothing. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendToArchive } from '../src/events/archive.js';
import { type Database, sql } from '../src/infra/database/port.js';
import { openPostgres } from '../src/infra/database/postgres.js';
import { openSqlite } from '../src/infra/database/sqlite.js';
import { freshPostgresDatabase } from '../src/infra/database/testing/shared.js';
import { startTestRedis, type TestRedis } from '../src/infra/redis/testing/server.js';
import { placed, used } from '../src/projections/testing/events.js';
import { runCli, startNode } from './support/process.js';
import { nodeEnvironment } from './support/service.js';

interface Finding {
  readonly check: string;
  readonly state: string;
  readonly detail: string;
  readonly fix: string | null;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kirogate-doctor-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function doctor(env: Record<string, string>): Promise<{ code: number | null; of: (check: string) => readonly Finding[] }> {
  const { code, output } = await runCli(['doctor', '--json'], env);
  const { findings } = JSON.parse(output) as { findings: readonly Finding[] };
  return { code, of: (check) => findings.filter((one) => one.check === check) };
}

/** As a build of before the last migration left it. */
const forgetLast = (db: Database) =>
  db.query(sql`delete from kirogate_migrations where version = (select max(version) from kirogate_migrations)`);
const versions = (db: Database) => db.query(sql`select version from kirogate_migrations order by version`);

async function addEvents(db: Database): Promise<void> {
  const fresh = placed(
    Array.from({ length: 20 }, () => used({ tokenId: 't1' })),
    2,
  ).filter(({ partition }) => partition === 'p0');
  await db.tx(async (tx) => void (await appendToArchive(tx, 'p0', fresh)));
}
const tamper = (db: Database) => db.query(sql`update archive set actor = ${'somebody'} where partition = ${'p0'} and position = ${2}`);

describe('a single node', () => {
  const env = (): Record<string, string> => ({ DATA_DIR: join(folder, 'one'), EVENT_PARTITIONS: '2', PORT: '1' });

  test('is looked at byte by byte the same before and after, also where its schema is older', async () => {
    const node = await startNode(
      nodeEnvironment({ dataDir: join(folder, 'one'), simulatorUrl: 'http://127.0.0.1:9', env: { EVENT_PARTITIONS: '2' } }),
    );
    expect(await node.kill('SIGTERM')).toBe(0);
    const file = join(folder, 'one', 'kirogate.db');
    const db = await openSqlite({ path: file });
    await forgetLast(db);
    await db.close();
    const before = [await readFile(file), await readdir(join(folder, 'one'))];
    const found = await doctor(env());
    expect(found.of('database')).toMatchObject([{ state: 'warning', fix: expect.stringContaining('kirogate migrate') as string }]);
    expect(found.of('archive')).toMatchObject([{ state: 'ok', detail: expect.stringMatching(/holds for all \d+ events/) as string }]);
    expect([await readFile(file), await readdir(join(folder, 'one'))]).toEqual(before);
  });
});

describe('many nodes', () => {
  let redis: TestRedis;
  let url: string;
  let db: Database;
  const env = (over: Record<string, string> = {}): Record<string, string> => ({
    DATA_DIR: join(folder, 'many'),
    DATABASE_URL: url,
    REDIS_URL: redis.url,
    EVENT_PARTITIONS: '2',
    PORT: '1',
    ADMIN_PASSWORD: 'a-password-for-tests',
    ADMIN_SECRET_KEY: 'admin-key-of-all-nodes-1',
    USER_SESSION_SECRET: 'session-key-of-all-nodes',
    TOKEN_ENCRYPT_KEY: 'encrypt-key-of-all-nodes',
    ...over,
  });

  beforeAll(async () => {
    redis = await startTestRedis(['--appendonly', 'yes']);
    url = await freshPostgresDatabase();
    db = await openPostgres({ url, poolSize: 1 });
  });
  afterAll(async () => {
    await db.close();
    await redis.stop();
  });

  test('before the first start: both stores are within reach, and the database stays empty', async () => {
    const found = await doctor(env());
    expect(found.of('database')).toMatchObject([{ state: 'warning', detail: expect.stringContaining('holds nothing yet') as string }]);
    expect(found.of('Redis')).toMatchObject([{ state: 'ok', detail: expect.stringMatching(/version \d+\./) as string }]);
    expect(found.code).toBe(0);
    expect(await db.query(sql`select 1 as one from pg_class where relnamespace = current_schema()::regnamespace`)).toEqual([]);
  });

  test('that run: schema, chain, secrets and Redis are well', async () => {
    const node = await startNode(
      nodeEnvironment({ dataDir: join(folder, 'many'), simulatorUrl: 'http://127.0.0.1:9', env: env({ PORT: '0' }) }),
    );
    const found = await doctor(env());
    expect(await node.kill('SIGTERM')).toBe(0);
    expect(found.of('database')).toMatchObject([
      { state: 'ok', detail: expect.stringMatching(/PostgreSQL \d+.*schema version \d/) as string },
    ]);
    expect(found.of('archive')).toMatchObject([{ state: 'ok' }]);
    for (const secret of ['ADMIN_SECRET_KEY', 'USER_SESSION_SECRET', 'TOKEN_ENCRYPT_KEY'])
      expect(found.of(secret)).toMatchObject([{ state: 'ok' }]);
    expect(found.code).toBe(0);
  });

  test('with other secrets, partitions and an event that somebody changed: each is named, with what to do', async () => {
    await addEvents(db);
    await tamper(db);
    const found = await doctor(env({ USER_SESSION_SECRET: 'something-else-entirely', EVENT_PARTITIONS: '5' }));
    expect(found.code).toBe(1);
    expect(found.of('archive')).toMatchObject([{ state: 'fault', detail: expect.stringContaining('p0 breaks at position 2') as string }]);
    expect(found.of('USER_SESSION_SECRET')).toMatchObject([{ state: 'fault' }]);
    expect(found.of('ADMIN_SECRET_KEY')).toMatchObject([{ state: 'ok' }]);
    expect(found.of('EVENT_PARTITIONS')).toMatchObject([{ state: 'fault', fix: 'set EVENT_PARTITIONS=2' }]);
  });

  test('with an older schema: told, and left as it is', async () => {
    await forgetLast(db);
    const before = await versions(db);
    expect((await doctor(env())).of('database')).toMatchObject([
      { state: 'warning', fix: expect.stringContaining('kirogate migrate') as string },
    ]);
    expect(await versions(db)).toEqual(before);
  });

  test('with a Redis that would lose events, and with stores that are away', async () => {
    const careless = await startTestRedis(['--maxmemory-policy', 'allkeys-lru']);
    const told = (await doctor(env({ REDIS_URL: careless.url }))).of('Redis');
    await careless.stop();
    expect(
      told
        .filter(({ state }) => state === 'warning')
        .map(({ detail }) => detail)
        .join('\n'),
    ).toMatch(/maxmemory-policy allkeys-lru.*appendonly no/s);
    const away = await doctor(env({ REDIS_URL: 'redis://127.0.0.1:1', DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/nowhere' }));
    expect(away.code).toBe(1);
    expect(away.of('Redis')).toMatchObject([{ state: 'fault', detail: expect.stringContaining('127.0.0.1:1') as string }]);
    expect(away.of('database')).toMatchObject([{ state: 'fault', detail: expect.stringContaining('127.0.0.1:1/nowhere') as string }]);
  });
});
