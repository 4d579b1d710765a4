/** Moving into PostgreSQL: what fails, or is only tried, leaves the database as it was, so that the next try finds no trap. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { OLD_KEY, type WrittenOld, writeOld } from '../src/commands/migration/testing/oldDatabase.js';
import { sql } from '../src/infra/database/port.js';
import { openPostgres } from '../src/infra/database/postgres.js';
import { freshPostgresDatabase } from '../src/infra/database/testing/shared.js';
import { runCli, startNode } from './support/process.js';
import { nodeEnvironment } from './support/service.js';

const KEY = 'the-key-of-all-nodes-7Qm2';
const TYPO = 'the-kez-of-all-nodes-7Qm2';

let url: string;
beforeEach(async () => {
  url = await freshPostgresDatabase();
});

async function ask<Row>(query: Parameters<Awaited<ReturnType<typeof openPostgres>>['query']>[0]): Promise<Row[]> {
  const db = await openPostgres({ url, poolSize: 1 });
  try {
    return await db.query<Row>(query);
  } finally {
    await db.close();
  }
}
const tables = async (): Promise<string[]> =>
  (
    await ask<{ name: string }>(
      sql`select relname as name from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'S', 'v')`,
    )
  ).map(({ name }) => name);
const fingerprints = () => ask(sql`select name from vault_fingerprints`);

describe('an old KiroGate', () => {
  let old: WrittenOld;
  beforeAll(async () => {
    old = await writeOld();
  });
  afterAll(() => rm(old.dir, { recursive: true, force: true }));
  const take = (env: Record<string, string>, ...more: string[]) =>
    runCli(['import', old.main, ...more], { DATABASE_URL: url, TOKEN_ENCRYPT_KEY: KEY, OLD_TOKEN_ENCRYPT_KEY: OLD_KEY, ...env });

  test('leaves an empty database empty when it is tried or fails, so that a mistyped key locks nobody out', async () => {
    const dry = await take({ TOKEN_ENCRYPT_KEY: TYPO }, '--dry-run');
    expect(dry.code, dry.output).toBe(0);
    expect(dry.output).toMatch(/users +4 +4 +0 +0/);
    expect(await tables()).toEqual([]);
    const failed = await take({ TOKEN_ENCRYPT_KEY: TYPO, OLD_TOKEN_ENCRYPT_KEY: 'wrong' });
    expect(failed).toMatchObject({ code: 1, output: expect.stringContaining('table tokens') as string });
    expect(await tables()).toEqual([]);
    const real = await take({});
    expect(real.code, real.output).toBe(0);
    expect(await fingerprints()).toEqual([{ name: 'TOKEN_ENCRYPT_KEY' }]);
    for (const args of [['--dry-run'], []]) {
      const other = await take({ TOKEN_ENCRYPT_KEY: TYPO }, ...args);
      expect(other).toMatchObject({ code: 1, output: expect.stringContaining('is not that of this installation') as string });
    }
  });

  test('writes nothing into an installation that it is only tried on, nor its key when it fails', async () => {
    expect((await runCli(['migrate'], { DATABASE_URL: url, EVENT_PARTITIONS: '2' })).code).toBe(0);
    const dry = await take({ TOKEN_ENCRYPT_KEY: TYPO }, '--dry-run');
    expect(dry.code, dry.output).toBe(0);
    expect((await take({ TOKEN_ENCRYPT_KEY: TYPO, OLD_TOKEN_ENCRYPT_KEY: 'wrong' })).code).toBe(1);
    expect(await fingerprints()).toEqual([]);
    expect(await ask(sql`select id from users`)).toEqual([]);
    const real = await take({});
    expect(real.code, real.output).toBe(0);
    expect(await fingerprints()).toHaveLength(1);
  });

  test('does not bring an installation to another schema by the way', async () => {
    expect((await runCli(['migrate'], { DATABASE_URL: url })).code).toBe(0);
    await ask(sql`delete from kirogate_migrations where version = (select max(version) from kirogate_migrations)`);
    const before = await ask(sql`select version from kirogate_migrations`);
    for (const args of [['--dry-run'], []]) {
      expect(await take({}, ...args)).toMatchObject({ code: 1, output: expect.stringContaining('kirogate migrate') as string });
    }
    expect(await ask(sql`select version from kirogate_migrations`)).toEqual(before);
  });
});

describe('an installation of another EVENT_PARTITIONS', () => {
  let folder: string;
  let key: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kirogate-partitions-'));
    const env = { ...nodeEnvironment({ dataDir: folder, simulatorUrl: 'http://127.0.0.1:9' }), EVENT_PARTITIONS: '4' };
    expect(await (await startNode(env)).kill('SIGTERM')).toBe(0);
    key = (JSON.parse(await readFile(join(folder, 'secrets.json'), 'utf8')) as { tokenEncryptKey: string }).tokenEncryptKey;
    expect((await runCli(['backup', join(folder, 'b.kirogate')], { DATA_DIR: folder, EVENT_PARTITIONS: '4' })).code).toBe(0);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each([
    ['moves', (): string[] => ['import', join(folder, 'kirogate.db')]],
    ['comes back', (): string[] => ['restore', join(folder, 'b.kirogate')]],
  ])('%s: refused where another is set, which leaves nothing; where none is set, the target is made with its own', async (_, args) => {
    const env = { DATABASE_URL: url, TOKEN_ENCRYPT_KEY: key };
    const other = await runCli(args(), { ...env, EVENT_PARTITIONS: '8' });
    expect(other).toMatchObject({ code: 1, output: expect.stringContaining('set EVENT_PARTITIONS=4') as string });
    expect(await tables()).toEqual([]);
    const done = await runCli(args(), env);
    expect(done.code, done.output).toBe(0);
    expect(done.output).toContain('start its nodes with that');
    expect(await ask(sql`select event_partitions from installation`)).toEqual([{ event_partitions: 4 }]);
    expect((await runCli(['projections', 'verify'], env)).code).toBe(0);
  });
});
