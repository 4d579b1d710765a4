/** Transactions within one transaction, on both engines. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, sql } from './port.js';
import { engines, openTestDatabase, type TestDatabase } from './testing/engines.js';
import { withinTransaction } from './withinTransaction.js';

describe.each(engines)('a transaction on %s that stands for a database', (engine) => {
  let store: TestDatabase;
  let db: Database;
  beforeEach(async () => {
    store = await openTestDatabase(engine, { partitions: null });
    db = store.db;
    await db.query(sql`create table notes (text text primary key not null)`);
  });
  afterEach(() => store.end());

  const note = (on: Pick<Database, 'query'>, text: string) => on.query(sql`insert into notes (text) values (${text})`);
  const notes = async (): Promise<string[]> =>
    (await db.query<{ text: string }>(sql`select text from notes order by text`)).map(({ text }) => text);

  it('undoes by itself what failed within, one inside the other, and keeps the rest with the whole', async () => {
    await db.tx(async (tx) => {
      const within = withinTransaction(tx);
      await within.tx((inner) => note(inner, 'a'));
      await expect(
        within.tx(async (inner) => {
          await note(inner, 'b');
          await note(inner, 'a');
        }),
      ).rejects.toMatchObject({ fault: 'unique' });
      await within.tx(async (inner) => {
        await note(inner, 'c');
        await expect(withinTransaction(inner).tx((deeper) => note(deeper, 'c'))).rejects.toThrow();
        await note(inner, 'd');
      });
      const failed = within.tx(async (inner) => {
        await note(inner, 'f');
        await expect(withinTransaction(inner).tx((deeper) => note(deeper, 'a'))).rejects.toThrow();
        throw new Error('both');
      });
      await expect(failed).rejects.toThrow('both');
      await note(within, 'e');
    });
    expect(await notes()).toEqual(['a', 'c', 'd', 'e']);
  });

  it('keeps nothing of what was done within when the whole is undone, tables neither', async () => {
    const failed = db.tx(async (tx) => {
      const within = withinTransaction(tx);
      await within.tx((inner) => note(inner, 'a'));
      await within.tx((inner) => inner.query(sql`create table more (text text)`));
      throw new Error('undone');
    });
    await expect(failed).rejects.toThrow('undone');
    expect(await notes()).toEqual([]);
    await expect(db.query(sql`select text from more`)).rejects.toThrow('more');
  });
});
