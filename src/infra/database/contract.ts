/** What every database adapter must do; each adapter's test runs this suite on its own. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isUniqueViolation } from './errors.js';
import { type Database, forUpdate, sql } from './port.js';
import { rowsOf } from './rows.js';

export interface DatabaseUnderTest {
  readonly db: Database;
  /** Another connection to the same store, as a second process would have. */
  another(): Promise<Database>;
  /** Closes everything and removes the store. */
  end(): Promise<void>;
}

/** Text that both engines take: well-formed, without NUL (`safeText` is the gate for foreign text). */
const text = fc.string({ unit: 'grapheme', maxLength: 60 }).map((value) => value.replaceAll('\0', ''));
const row = fc.record({
  t: fc.option(text),
  n: fc.option(fc.maxSafeInteger()),
  d: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value))),
  f: fc.option(fc.boolean()),
});

export function databaseContract(open: () => Promise<DatabaseUnderTest>): void {
  let store: DatabaseUnderTest;
  let db: Database;
  beforeEach(async () => {
    store = await open();
    db = store.db;
    await db.tx(async (tx) => {
      await tx.query(sql`create table things (id bigint primary key, t text, n bigint, d double precision, f boolean)`);
      await tx.query(sql`create table counters (name text primary key, value bigint not null)`);
      await tx.query(sql`insert into counters (name, value) values (${'c'}, ${0})`);
    });
  });
  afterEach(() => store.end());

  const value = async (from: Pick<Database, 'query'> = db): Promise<number> =>
    (await from.query<{ value: number }>(sql`select value from counters where name = ${'c'}`))[0]?.value ?? Number.NaN;

  describe('data', () => {
    it('comes back as it was written, one by one and in batches', async () => {
      const columns = { id: 'bigint', t: 'text', n: 'bigint', d: 'double', f: 'boolean' } as const;
      const readBack = async (): Promise<unknown[]> =>
        (await db.query<Record<string, unknown>>(sql`select t, n, d, f from things order by id`)).map((found) => ({
          ...found,
          f: found.f === null ? null : Boolean(found.f),
        }));
      await fc.assert(
        fc.asyncProperty(fc.array(row, { maxLength: 12 }), async (rows) => {
          await db.tx(async (tx) => {
            await tx.query(sql`delete from things`);
            for (const [id, { t, n, d, f }] of rows.entries()) {
              await tx.query(sql`insert into things (id, t, n, d, f) values (${id}, ${t}, ${n}, ${d}, ${f})`);
            }
          });
          expect(await readBack()).toEqual(rows);
          await db.tx(async (tx) => {
            await tx.query(sql`delete from things`);
            await tx.query(
              sql`insert into things (id, t, n, d, f) ${rowsOf(
                db.engine,
                columns,
                rows.map((each, id) => ({ id, ...each })),
              )}`,
            );
          });
          expect(await readBack()).toEqual(rows);
        }),
        { numRuns: 60 },
      );
    });

    it('is created, read, updated and deleted', async () => {
      await db.query(sql`insert into things (id, t) values (${1}, ${'a'})`);
      expect(await db.query(sql`select id, t, n from things`)).toEqual([{ id: 1, t: 'a', n: null }]);
      expect(await db.query(sql`update things set t = ${'b'} where id = ${1} returning t`)).toEqual([{ t: 'b' }]);
      await db.query(sql`delete from things where id = ${1}`);
      expect(await db.query(sql`select id from things`)).toEqual([]);
    });

    it('is upserted in batches, adding to what is there', async () => {
      const add = (rows: { name: string; value: number }[]): Promise<unknown> =>
        db.tx((tx) =>
          tx.query(sql`insert into counters (name, value) ${rowsOf(db.engine, { name: 'text', value: 'bigint' }, rows)}
            on conflict (name) do update set value = counters.value + excluded.value`),
        );
      await add([
        { name: 'c', value: 5 },
        { name: 'x', value: 1 },
      ]);
      await add([{ name: 'c', value: 7 }]);
      expect(await db.query(sql`select name, value from counters order by name`)).toEqual([
        { name: 'c', value: 12 },
        { name: 'x', value: 1 },
      ]);
    });

    it('keeps what would be SQL as data', async () => {
      const nasty = `'); drop table things; --`;
      await db.query(sql`insert into things (id, t) values (${1}, ${nasty})`);
      expect(await db.query(sql`select t from things where t = ${nasty}`)).toEqual([{ t: nasty }]);
    });

    it('is refused when a value is undefined or no number', async () => {
      await expect(db.query(sql`select ${undefined} as x`)).rejects.toThrow(/value/);
      await expect(db.query(sql`select ${Number.NaN} as x`)).rejects.toThrow(/value/);
      expect(() => rowsOf(db.engine, { a: 'bigint' }, [{}])).toThrow(/column a/);
    });

    it('names a unique violation as such', async () => {
      await db.query(sql`insert into things (id) values (${1})`);
      const error = await db.query(sql`insert into things (id) values (${1})`).catch((caught: unknown) => caught);
      expect(isUniqueViolation(error)).toBe(true);
    });
  });

  describe('a transaction', () => {
    it('leaves nothing behind when it throws, and the next one works', async () => {
      const failing = db.tx(async (tx) => {
        await tx.query(sql`update counters set value = 99`);
        throw new Error('changed my mind');
      });
      await expect(failing).rejects.toThrow('changed my mind');
      expect(await value()).toBe(0);
      await db.tx((tx) => tx.query(sql`update counters set value = 1`));
      expect(await value()).toBe(1);
    });

    it('leaves nothing behind when one of its statements fails', async () => {
      await expect(
        db.tx(async (tx) => {
          await tx.query(sql`update counters set value = 99`);
          await tx.query(sql`select nonsense from nowhere`);
        }),
      ).rejects.toThrow(/nowhere/);
      expect(await value()).toBe(0);
    });

    it('rolls back the tables it made', async () => {
      await db
        .tx(async (tx) => {
          await tx.query(sql`create table half (a bigint)`);
          throw new Error('no');
        })
        .catch(() => undefined);
      await expect(db.query(sql`select * from half`)).rejects.toThrow(/half/);
    });

    it('is not seen by others while it is open, and does not hold them up', async () => {
      await db.tx(async (tx) => {
        await tx.query(sql`update counters set value = 5`);
        expect(await value(tx)).toBe(5);
        expect(await value()).toBe(0);
        expect(await db.snapshot((snapshot) => value(snapshot))).toBe(0);
      });
      expect(await value()).toBe(5);
    });

    it('loses no update of many at once, in one process and from two', async () => {
      const other = await store.another();
      const increment = (from: Database): Promise<unknown> =>
        from.tx(async (tx) => {
          const [before] = await tx.query<{ value: number }>(sql`select value from counters where name = ${'c'} ${forUpdate(tx.engine)}`);
          await tx.query(sql`update counters set value = ${(before?.value ?? 0) + 1}`);
        });
      await Promise.all(Array.from({ length: 60 }, (_, index) => increment(index % 3 === 0 ? other : db)));
      await other.close();
      expect(await value()).toBe(60);
    });

    it('that lost a statement on the way and does not say so either commits the others or rejects', async () => {
      const outcome = await db
        .tx(async (tx) => {
          await tx.query(sql`update counters set value = 5`);
          await tx.query(sql`select nonsense from nowhere`).catch(() => undefined);
        })
        .then(
          () => 5,
          () => 0,
        );
      expect(await value()).toBe(outcome);
    });

    it('goes on behind a savepoint', async () => {
      await db.tx(async (tx) => {
        await tx.query(sql`update counters set value = 5`);
        await tx.query(sql`savepoint here`);
        await tx.query(sql`update counters set value = 6`);
        await expect(tx.query(sql`select nonsense from nowhere`)).rejects.toThrow(/nowhere/);
        await tx.query(sql`rollback to savepoint here`);
        await tx.query(sql`release savepoint here`);
      });
      expect(await value()).toBe(5);
    });

    it('takes statements that are under way together, in their order', async () => {
      await db.tx(async (tx) => {
        const steps = Array.from({ length: 20 }, (_, step) => tx.query(sql`update counters set value = value * 3 + ${step}`));
        await Promise.all(steps);
      });
      expect(await value()).toBe(Array.from({ length: 20 }, (_, step) => step).reduce((sum, step) => sum * 3 + step, 0));
    });

    it('cannot be used after its end', async () => {
      const leaked = await db.tx(async (tx) => tx);
      await expect(leaked.query(sql`update counters set value = 5`)).rejects.toThrow(/ended/);
    });
  });

  describe('a snapshot', () => {
    it('sees one moment, whatever is committed meanwhile', async () => {
      await db.snapshot(async (snapshot) => {
        await db.tx((tx) => tx.query(sql`update counters set value = 7`));
        expect(await value(snapshot)).toBe(0);
        expect(await value()).toBe(7);
      });
      expect(await db.snapshot((snapshot) => value(snapshot))).toBe(7);
    });

    it('may be taken many times at once', async () => {
      const seen = await Promise.all(Array.from({ length: 20 }, () => db.snapshot((snapshot) => value(snapshot))));
      expect(seen).toEqual(Array.from({ length: 20 }, () => 0));
    });
  });

  it('answers a ping, and refuses everything once closed', async () => {
    await db.ping();
    await db.close();
    await db.close();
    await expect(db.ping()).rejects.toThrow(/closed/);
    await expect(db.tx(async () => undefined)).rejects.toThrow(/closed/);
  });
}
