/** The migrator on real databases, alone and with twenty starters at once. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sqlite from '@databases/sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childCode, finished } from '../../../tests/support/childCode.js';
import { systemClock } from '../../shared/clock.js';
import { MigrationError, migrate } from './migrate.js';
import { type Database, sql } from './port.js';
import { openPostgres } from './postgres.js';
import { APPLICATION_ID, openSqlite } from './sqlite.js';
import { freshPostgresDatabase } from './testing/shared.js';

const ours = new URL('../../../migrations', import.meta.url).pathname;

describe('migrating SQLite', () => {
  let dir: string;
  let db: Database;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kg-migrate-'));
    db = await openSqlite({ path: join(dir, 'x.db') });
  });
  afterEach(async () => {
    await db.close();
    await rm(dir, { recursive: true, force: true });
  });

  const run = (from = ours, eventPartitions = 2): ReturnType<typeof migrate> =>
    migrate(db, { dir: from, eventPartitions, clock: systemClock });

  it('makes the tables of an empty database, and does nothing the second time', async () => {
    const first = await run();
    expect(first.applied).toContain('0001_event_store.sql');
    expect(await run()).toEqual({ version: first.version, applied: [] });
    expect(await db.query(sql`pragma application_id`)).toEqual([{ application_id: APPLICATION_ID }]);
    expect(await db.query(sql`select partition, position from partitions order by partition`)).toEqual([
      { partition: 'control', position: 0 },
      { partition: 'p0', position: 0 },
      { partition: 'p1', position: 0 },
    ]);
    expect(await db.query(sql`select event_partitions from installation`)).toEqual([{ event_partitions: 2 }]);
  });

  it('reads while it writes also in a restored copy, which comes without the write-ahead log', async () => {
    await run();
    const path = join(dir, 'copy.db');
    const backup = sqlite.default(join(dir, 'x.db'));
    await backup.query(sql`vacuum into ${path}`);
    await backup.dispose();
    const copy = await openSqlite({ path });
    expect(await copy.query(sql`pragma journal_mode`)).toEqual([{ journal_mode: 'wal' }]);
    await copy.close();
  });

  it('lets the build before start on what a newer one has added, where that says so, and no build from before that', async () => {
    const [last = '', before = ''] = (await readdir(join(ours, 'sqlite'))).sort().reverse();
    const next = join(dir, 'next');
    await cp(ours, next, { recursive: true });
    await writeFile(
      join(next, 'sqlite', `9000_more_compatible_${last.slice(0, 4)}.sql`),
      'alter table installation add column note text;\n',
    );
    const { version } = await run();
    await run(next);
    expect(await run()).toEqual({ version, applied: [] });
    const older = join(dir, 'older');
    await cp(ours, older, { recursive: true });
    await rm(join(older, 'sqlite', last));
    // By our own last migration, or, where that one is tolerated, by the one made up here.
    await expect(run(older)).rejects.toThrow(new RegExp(`newer KiroGate.*(${last}|9000_more).*${before}`));
  });

  it('applies later files to a database with data', async () => {
    const later = join(dir, 'later');
    await cp(ours, later, { recursive: true });
    await run();
    await writeFile(join(later, 'sqlite', '9000_more.sql'), 'create table more (a bigint);\ninsert into more (a) values (1);\n');
    expect(await run(later)).toEqual({ version: 9000, applied: ['9000_more.sql'] });
    expect(await db.query(sql`select a from more`)).toEqual([{ a: 1 }]);
  });

  it('leaves nothing of a file that fails', async () => {
    const broken = join(dir, 'broken');
    await cp(ours, broken, { recursive: true });
    await writeFile(join(broken, 'sqlite', '9000_more.sql'), 'create table more (a bigint);\ncreate table more (a bigint);\n');
    await expect(run(broken)).rejects.toThrow(/9000_more\.sql failed and was rolled back/);
    await expect(db.query(sql`select * from more`)).rejects.toThrow(/no such table/);
    expect((await run()).applied).toEqual([]);
  });

  it("refuses another program's file, and leaves every byte of it alone", async () => {
    const path = join(dir, 'other.db');
    const theirs = sqlite.default(path);
    await theirs.query(sql`create table customers (id bigint)`);
    await theirs.dispose();
    const before = await readFile(path);
    const other = await openSqlite({ path });
    await expect(migrate(other, { dir: ours, eventPartitions: 2, clock: systemClock })).rejects.toThrow(
      /not KiroGate's.*customers.*DATABASE_URL/,
    );
    await other.close();
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  it('refuses a database of a newer build', async () => {
    const newer = join(dir, 'newer');
    await cp(ours, newer, { recursive: true });
    await writeFile(join(newer, 'sqlite', '9000_more.sql'), 'create table more (a bigint);\n');
    await run(newer);
    const error = await run().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(MigrationError);
    expect(String(error)).toMatch(/newer KiroGate.*9000_more\.sql.*backup/);
  });

  it('refuses a file that was changed after it was applied', async () => {
    const changed = join(dir, 'changed');
    await cp(ours, changed, { recursive: true });
    await run();
    await writeFile(join(changed, 'sqlite', '0001_event_store.sql'), 'create table other (a bigint);\n');
    await expect(run(changed)).rejects.toThrow(/0001_event_store\.sql differs/);
  });

  it('holds a later start to the number of partitions of the first', async () => {
    await run(ours, 2);
    await expect(run(ours, 3)).rejects.toThrow(/EVENT_PARTITIONS=2/);
    await run(ours, 2);
  });

  it('runs once when twenty processes start together', async () => {
    await db.close();
    const code = await childCode(['src/infra/database/migrate.ts', 'src/infra/database/sqlite.ts', 'src/shared/clock.ts']);
    const source = `
      import { openSqlite } from './src/infra/database/sqlite.js';
      import { migrate } from './src/infra/database/migrate.js';
      import { systemClock } from './src/shared/clock.js';
      const db = await openSqlite({ path: process.argv[2], busyTimeoutMs: 60_000 });
      const { applied } = await migrate(db, { dir: process.argv[3], eventPartitions: 2, clock: systemClock });
      await db.close();
      console.log(JSON.stringify(applied));`;
    const path = join(dir, 'shared.db');
    const starters = await Promise.all(Array.from({ length: 20 }, () => code.start(source, [path, ours])));
    const applied = (await Promise.all(starters.map(finished))).flatMap((out) => JSON.parse(out) as string[]);
    await code.remove();
    const files = (await readdir(join(ours, 'sqlite'))).sort();
    expect(applied.sort()).toEqual(files);
    const shared = await openSqlite({ path });
    expect(await shared.query(sql`select count(*) as n from partitions`)).toEqual([{ n: 3 }]);
    await shared.close();
  }, 120_000);
});

describe('migrating PostgreSQL', () => {
  let url: string;
  let db: Database;
  beforeEach(async () => {
    url = await freshPostgresDatabase();
    db = await openPostgres({ url, poolSize: 2 });
  });
  afterEach(() => db.close());

  const run = (from = ours, eventPartitions = 2): ReturnType<typeof migrate> =>
    migrate(db, { dir: from, eventPartitions, clock: systemClock });

  async function withMore(name: string, text: string): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'kg-migrate-'));
    await cp(ours, dir, { recursive: true });
    await writeFile(join(dir, 'postgres', name), text);
    return dir;
  }

  it('makes the same tables with the same columns as on SQLite, but for the days of the archive', async () => {
    await run();
    expect(await run()).toMatchObject({ applied: [] });
    const lite = await openSqlite({ path: ':memory:' });
    await migrate(lite, { dir: ours, eventPartitions: 2, clock: systemClock });
    const columns = (rows: { t: string; c: string }[]): string[] =>
      rows
        .map(({ t, c }) => `${t}.${c}`)
        .filter((name) => !/^archive(_d|_spans|\.day)/.test(name))
        .sort();
    const theirs = await db.query<{ t: string; c: string }>(
      sql`select table_name as t, column_name as c from information_schema.columns where table_schema = current_schema()`,
    );
    const mine = await lite.query<{ t: string; c: string }>(
      sql`select m.name as t, c.name as c from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table' and m.name not like 'sqlite_%'`,
    );
    expect(columns(theirs)).toEqual(columns(mine));
    await lite.close();
  });

  it('compares text by bytes in every column of the first migrations', async () => {
    await run();
    const others =
      await db.query(sql`select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_collation k on k.oid = a.attcollation
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and k.collname <> 'C'
        and c.relname not in ('kirogate_migrations') and c.relname in (select unnest(${'{archive,activity,audit,users,tokens,request_minute}'}::text[]))`);
    expect(others).toEqual([]);
  });

  it('leaves nothing of a file that fails', async () => {
    const broken = await withMore('9000_more.sql', 'create table more (a bigint);\ncreate table more (a bigint);\n');
    await expect(run(broken)).rejects.toThrow(/9000_more\.sql failed and was rolled back/);
    await expect(db.query(sql`select * from more`)).rejects.toThrow(/does not exist/);
    await rm(broken, { recursive: true });
  });

  it('refuses a database of something else, of a newer build, and another number of partitions', async () => {
    await db.query(sql`create table customers (id bigint)`);
    await expect(run()).rejects.toThrow(/not KiroGate's.*customers.*DATABASE_URL/);
    await db.query(sql`drop table customers`);
    const newer = await withMore('9000_more.sql', 'create table more (a bigint);\n');
    await run(newer);
    await expect(run()).rejects.toThrow(/newer KiroGate.*9000_more\.sql.*backup/);
    await expect(run(newer, 3)).rejects.toThrow(/EVENT_PARTITIONS=2/);
    await rm(newer, { recursive: true });
  });

  it('runs once when twenty starters come together', async () => {
    const starters = await Promise.all(Array.from({ length: 20 }, () => openPostgres({ url, poolSize: 1, maxOverflow: 0 })));
    const results = await Promise.all(starters.map((each) => migrate(each, { dir: ours, eventPartitions: 2, clock: systemClock })));
    expect(results.flatMap(({ applied }) => applied).sort()).toEqual((await readdir(join(ours, 'postgres'))).sort());
    expect(await db.query(sql`select count(*) as n from partitions`)).toEqual([{ n: 3 }]);
    await Promise.all(starters.map((each) => each.close()));
  });
});
