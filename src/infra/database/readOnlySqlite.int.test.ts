/** A file that is not ours is read as SQLite would read it, and what was lost on its way here is named. */
import { copyFile, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sqlite, { type DatabaseConnection } from '@databases/sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sql } from './port.js';
import { openReadOnlySqlite, type ReadOnlySqlite } from './readOnlySqlite.js';
import type { SqliteFileError } from './readOnlySqliteError.js';

const PAGE = 4_096;
const FRAME = PAGE + 24;

describe('an SQLite file that is not ours', () => {
  let folder: string;
  let writers: DatabaseConnection[];
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kirogate-foreign-'));
    path = join(folder, 'theirs.db');
    writers = [];
  });
  afterEach(async () => {
    for (const writer of writers) await writer.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  /** The service it belongs to: `things` with so many rows, committed. */
  async function service(mode: 'wal' | 'delete', rows = 3): Promise<(text: string) => Promise<unknown>> {
    const db = sqlite.default(path);
    writers.push(db);
    const run = (text: string): Promise<unknown> => db.query(sql`${sql.__dangerous__rawValue(text)}`);
    await run(`pragma journal_mode = ${mode}`);
    await run('create table things (id integer primary key, name text unique, body)');
    if (mode === 'wal') await run('pragma wal_checkpoint(truncate)');
    await run('pragma wal_autocheckpoint = 0');
    await insert(run, rows);
    return run;
  }
  const insert = async (run: (text: string) => Promise<unknown>, rows: number): Promise<void> => {
    for (let row = 0; row < rows; row += 1) await run('insert into things (name, body) values (hex(randomblob(8)), zeroblob(5000))');
  };
  /** Begins to change every row and spills the change to the disk before it is committed. */
  const spill = async (run: (text: string) => Promise<unknown>): Promise<void> => {
    await run('pragma cache_size = 1');
    await run('begin immediate');
    await run("update things set body = zeroblob(9000), name = 'x' || id");
    await run('insert into things (body) select zeroblob(5000) from things, things as t');
  };
  /** As its files lie there when the service is killed at this moment; `ends`: which of them. */
  async function taken(...ends: readonly string[]): Promise<string> {
    const copy = join(folder, 'copy.db');
    for (const end of ends) await copyFile(path + end, copy + end);
    return copy;
  }
  async function reading<T>(file: string, work: (db: ReadOnlySqlite) => Promise<T>): Promise<T> {
    const db = await openReadOnlySqlite(file);
    try {
      return await work(db);
    } finally {
      await db.close();
    }
  }
  const count = async (db: ReadOnlySqlite): Promise<unknown> =>
    (await db.query<{ n: number }>(sql`select count(*) as n from things`))[0]?.n;
  const countIn = (file: string): Promise<unknown> => reading(file, count);
  const refusal = (file: string): Promise<{ fault: string; message: string }> =>
    reading(file, count).then(
      (rows) => ({ fault: 'none', message: `read ${String(rows)} rows` }),
      ({ fault, message }: SqliteFileError) => ({ fault, message }),
    );
  const bytesOf = async (file: string): Promise<string> => (await readFile(file)).toString('base64');

  describe('in journal mode delete', () => {
    test('of a writer killed within a transaction is read without what that one had not committed, and stays as it is', async () => {
      await spill(await service('delete'));
      const copy = await taken('', '-journal');
      const before = [await bytesOf(copy), await bytesOf(`${copy}-journal`)];
      const seen = await reading(copy, async (db) => {
        const forgotten = (await readdir(tmpdir())).filter((name) => name.startsWith(`kirogate-read-${process.pid}-`));
        return { rows: await count(db), damage: await db.damage(), forgotten };
      });
      expect(seen).toEqual({ rows: 3, damage: null, forgotten: [] });
      expect([await bytesOf(copy), await bytesOf(`${copy}-journal`)]).toEqual(before);
      expect((await readdir(folder)).filter((name) => name.startsWith('copy'))).toEqual(['copy.db', 'copy.db-journal']);
    });

    test('that is written at this moment is read as it was before, under locks', async () => {
      const run = await service('delete');
      await run('begin immediate');
      await run('delete from things');
      expect(await countIn(path)).toBe(3);
      await reading(path, async (db) => {
        expect(await count(db)).toBe(3);
        await expect(run('commit')).rejects.toThrow('SQLITE_BUSY');
      });
      await run('commit');
      expect(await countIn(path)).toBe(0);
    });

    test('with a journal that was cut off is refused by name', async () => {
      const run = await service('delete');
      await spill(run);
      const copy = await taken('', '-journal');
      await truncate(`${copy}-journal`, 6_000);
      expect(await refusal(copy)).toMatchObject({ fault: 'truncated', message: expect.stringContaining('copy.db-journal is cut off') });
    });

    test('beside which a finished journal was left is read as it is', async () => {
      const run = await service('delete');
      await run('pragma journal_mode = persist');
      await insert(run, 2);
      const copy = await taken('', '-journal');
      expect((await stat(`${copy}-journal`)).size).toBeGreaterThan(0);
      expect(await countIn(copy)).toBe(5);
    });
  });

  describe('with a write-ahead log', () => {
    test.each([
      ['alone', ['', '-wal']],
      ['and its index', ['', '-wal', '-shm']],
    ])('%s is read with what the log holds, and not a byte of either is changed', async (_, ends) => {
      await service('wal');
      const copy = await taken(...ends);
      const before = [await bytesOf(copy), await bytesOf(`${copy}-wal`), await readdir(folder)];
      expect(await reading(copy, async (db) => [await count(db), await db.damage(), db.remarks])).toEqual([3, null, []]);
      expect([await bytesOf(copy), await bytesOf(`${copy}-wal`), await readdir(folder)]).toEqual(before);
    });

    test('cut off in the middle of a page is refused by name', async () => {
      await service('wal');
      const copy = await taken('', '-wal');
      await truncate(`${copy}-wal`, Math.floor((await stat(`${copy}-wal`)).size / 2 / FRAME) * FRAME + 1_000);
      expect(await refusal(copy)).toMatchObject({ fault: 'truncated', message: expect.stringContaining('copy.db-wal is cut off') });
      await truncate(`${copy}-wal`, 20);
      expect(await refusal(copy)).toMatchObject({ fault: 'truncated' });
    });

    test('cut off after a commit is refused where its index knows of more', async () => {
      await service('wal');
      const copy = await taken('', '-wal', '-shm');
      await truncate(`${copy}-wal`, 32 + (await firstCommit(`${copy}-wal`)) * FRAME);
      expect(await refusal(copy)).toMatchObject({ fault: 'truncated', message: expect.stringContaining('its index (-shm) knows of') });
    });

    test('altered before a later commit is refused: SQLite would drop the rest without a word', async () => {
      await service('wal');
      const copy = await taken('', '-wal');
      const file = await open(`${copy}-wal`, 'r+');
      await file.write(Buffer.from('altered'), 0, 7, 32 + FRAME + 500);
      await file.close();
      expect(await refusal(copy)).toMatchObject({ fault: 'mismatch', message: expect.stringContaining('is damaged') });
    });

    test.each([
      ['nonsense', async (wal: string) => writeFile(wal, Buffer.alloc(9_000, 7)), 'is no write-ahead log'],
      ['of other pages', async (wal: string) => otherPages(wal), 'is of another database'],
    ])('that is %s is refused', async (_, spoil, reason) => {
      await service('wal');
      const copy = await taken('');
      await spoil(`${copy}-wal`);
      expect(await refusal(copy)).toMatchObject({ fault: 'mismatch', message: expect.stringContaining(reason) });
    });

    test('of a later copy is refused where pages are in neither', async () => {
      const run = await service('wal');
      const copy = await taken('');
      await run('pragma wal_checkpoint(truncate)');
      await insert(run, 3);
      await copyFile(`${path}-wal`, `${copy}-wal`);
      expect(await refusal(copy)).toMatchObject({ fault: 'mismatch', message: expect.stringContaining('is in neither') });
    });

    test('of a later copy with the same pages is found out by its indexes', async () => {
      const run = await service('wal', 20);
      await run('pragma wal_checkpoint(truncate)');
      const copy = await taken('');
      await run("update things set name = substr(name, 2) || 'g'");
      await run('pragma wal_checkpoint(truncate)');
      await run("update things set name = substr(name, 2) || 'h' where id = 1");
      await copyFile(`${path}-wal`, `${copy}-wal`);
      const damage = await reading(copy, (db) => db.damage());
      expect(damage).toMatchObject({ table: 'things', reason: expect.stringContaining('of this very copy') });
    });

    test('that ends within a transaction comes with what was committed, and says so', async () => {
      const run = await service('wal');
      await spill(run);
      const copy = await taken('', '-wal');
      const [rows, damage, remarks] = await reading(copy, async (db) => [await count(db), await db.damage(), db.remarks]);
      expect([rows, damage]).toEqual([3, null]);
      expect(remarks).toEqual([expect.stringContaining('ends within a transaction that was not committed')]);
    });

    test('that began anew over an older one is read up to its own end', async () => {
      const run = await service('wal', 20);
      await run('pragma wal_checkpoint(restart)');
      await insert(run, 1);
      const copy = await taken('', '-wal');
      expect(await reading(copy, async (db) => [await count(db), db.remarks])).toEqual([21, []]);
      // A rest of the older one may end anywhere.
      await truncate(`${copy}-wal`, (await stat(`${copy}-wal`)).size - 1_000);
      expect(await countIn(copy)).toBe(21);
    });

    test('in which a transaction was rolled back is read up to the last commit', async () => {
      const run = await service('wal');
      await spill(run);
      await run('rollback');
      await insert(run, 1);
      expect(await countIn(await taken('', '-wal'))).toBe(4);
    });

    test('is read while its service writes on', async () => {
      const run = await service('wal');
      await reading(path, async (db) => {
        await insert(run, 2);
        expect([await count(db), await db.changed()]).toEqual([3, false]);
      });
      expect(await countIn(path)).toBe(5);
    });

    test('that is missing is hinted at; beside a lonely index it is surely missed', async () => {
      await service('wal');
      const copy = await taken('');
      expect(await reading(copy, async (db) => db.remarks)).toEqual([expect.stringContaining('as it should be where')]);
      await copyFile(`${path}-shm`, `${copy}-shm`);
      expect(await reading(copy, async (db) => db.remarks)).toEqual([expect.stringContaining('the old service had one')]);
    });

    test('that is missing, and whose file is written while it is read, is known to have changed', async () => {
      await service('wal');
      const copy = await taken('');
      await reading(copy, async (db) => {
        expect(await db.changed()).toBe(false);
        await copyFile(path, `${copy}.new`);
        await rm(copy);
        await copyFile(`${copy}.new`, copy);
        expect(await db.changed()).toBe(true);
      });
    });
  });
});

/** Frames of a log up to its first commit. */
async function firstCommit(wal: string): Promise<number> {
  const bytes = await readFile(wal);
  let frames = 1;
  while (bytes.readUInt32BE(32 + (frames - 1) * FRAME + 4) === 0) frames += 1;
  return frames;
}

async function otherPages(wal: string): Promise<void> {
  const other = sqlite.default(`${wal}.other`);
  await other.query(sql`pragma page_size = 1024`);
  await other.query(sql`pragma journal_mode = wal`);
  await other.query(sql`create table songs (id)`);
  await copyFile(`${wal}.other-wal`, wal);
  await other.dispose();
}
