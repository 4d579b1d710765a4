/** The SQLite adapter: the contract on a file and in memory, and what is its own. */
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { databaseContract } from './contract.js';
import { DatabaseError } from './errors.js';
import { sql } from './port.js';
import { openSqlite } from './sqlite.js';

describe('SQLite', () => {
  databaseContract(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'kg-sqlite-'));
    const path = join(dir, 'test.db');
    const db = await openSqlite({ path });
    return {
      db,
      another: () => openSqlite({ path }),
      end: async () => {
        await db.close();
        await rm(dir, { recursive: true });
      },
    };
  });
});

describe('a SQLite file', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kg-sqlite-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('is created with its folder, for its owner only', async () => {
    const path = join(dir, 'deep', 'er', 'x.db');
    await (await openSqlite({ path })).close();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('leaves one file after a clean close', async () => {
    const db = await openSqlite({ path: join(dir, 'x.db') });
    await db.query(sql`create table a (b bigint)`);
    await db.close();
    expect(await readdir(dir)).toEqual(['x.db']);
  });

  it('that is none is refused with its path, and left as it was', async () => {
    const path = join(dir, 'notes.db');
    await writeFile(path, 'this is a text about databases, not one of them; '.repeat(40));
    const error = await openSqlite({ path }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DatabaseError);
    expect(String(error)).toContain(path);
    expect(String(error)).toContain('not a SQLite database');
    expect(await readdir(dir)).toEqual(['notes.db']);
  });

  it('that cannot be opened is refused with its path', async () => {
    const path = join(dir, 'folder');
    await mkdir(path);
    await expect(openSqlite({ path })).rejects.toThrow(path);
  });

  it('that another process keeps locked makes a writer wait, then fail as busy', async () => {
    const path = join(dir, 'x.db');
    const db = await openSqlite({ path, busyTimeoutMs: 50 });
    const other = await openSqlite({ path });
    await db.query(sql`create table a (b bigint)`);
    await other.tx(async (tx) => {
      await tx.query(sql`insert into a (b) values (${1})`);
      const error = await db.tx((mine) => mine.query(sql`insert into a (b) values (${2})`)).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ fault: 'busy', transient: true });
    });
    await db.tx((tx) => tx.query(sql`insert into a (b) values (${2})`));
    expect(await other.query(sql`select b from a order by b`)).toEqual([{ b: 1 }, { b: 2 }]);
    await Promise.all([db.close(), other.close()]);
  });

  it('in memory is private and leaves nothing', async () => {
    const [one, two] = await Promise.all([openSqlite({ path: ':memory:' }), openSqlite({ path: ':memory:' })]);
    await one.query(sql`create table a (b bigint)`);
    await expect(two.query(sql`select * from a`)).rejects.toThrow(/no such table/);
    const [where] = await one.query<{ file: string }>(sql`pragma database_list`);
    await Promise.all([one.close(), two.close()]);
    await expect(stat(where?.file ?? '')).rejects.toThrow('ENOENT');
  });
});
