/** The PostgreSQL adapter: the contract, and what only a server can do: refuse, vanish, come back, or be a standby. */

import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../tests/support/until.js';
import { StoreUnreachable } from '../../errors.js';
import { databaseContract } from './contract.js';
import { DatabaseError } from './errors.js';
import { type Database, forUpdate, sql } from './port.js';
import { openPostgres } from './postgres.js';
import { startTestPostgres, TEST_PASSWORD, type TestPostgres } from './testing/server.js';
import { freshPostgresDatabase } from './testing/shared.js';

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

/** A promise that the test keeps when it wants. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

describe('PostgreSQL', () => {
  databaseContract(async () => {
    const url = await freshPostgresDatabase();
    const db = await openPostgres({ url, poolSize: 4 });
    return { db, another: () => openPostgres({ url, poolSize: 4 }), end: () => db.close() };
  });
});

describe('a PostgreSQL database', () => {
  let url: string;
  let db: Database;
  beforeEach(async () => {
    url = await freshPostgresDatabase();
    db = await openPostgres({ url: url.replace('postgresql:', 'postgresql+asyncpg:'), poolSize: 2, maxOverflow: 2, lockTimeoutMs: 100 });
    await db.tx(async (tx) => {
      await tx.query(sql`create table counters (name text primary key, value bigint not null)`);
      await tx.query(sql`insert into counters (name, value) values ('a', 1), ('b', 1)`);
    });
  });
  afterEach(() => db.close());

  it('reads sums, counts and numbers of every kind as numbers', async () => {
    expect(
      await db.query(sql`select sum(value) as s, count(*) as n, avg(value) as a, 1.5::double precision as d, 2::smallint as i, true as b
        from counters`),
    ).toEqual([{ s: 2, n: 2, a: 1, d: 1.5, i: 2, b: true }]);
    await expect(db.query(sql`select 9007199254740993::bigint as n`)).rejects.toThrow(/2\^53/);
    await db.ping();
  });

  it('sets a time limit for statements, locks and idle transactions on every connection', async () => {
    const settings = sql`select current_setting('statement_timeout') as s, current_setting('lock_timeout') as l,
      current_setting('idle_in_transaction_session_timeout') as i`;
    expect(await Promise.all([db.query(settings), db.query(settings)])).toEqual(
      Array.from({ length: 2 }, () => [{ s: '30s', l: '100ms', i: '10s' }]),
    );
  });

  it('names a lock that is not given in time as busy', async () => {
    await db.tx(async (tx) => {
      await tx.query(sql`select 1 from counters where name = 'a' ${forUpdate('postgres')}`);
      const error = await failureOf(db.tx((other) => other.query(sql`update counters set value = 2 where name = 'a'`)));
      expect(error).toMatchObject({ fault: 'busy', transient: true });
    });
  });

  it('names a deadlock as busy, and the other transaction goes on', async () => {
    const patient = await openPostgres({ url, poolSize: 2 });
    const arrived = [gate(), gate()];
    const cross = (mine: number, names: [string, string]): Promise<unknown> =>
      patient.tx(async (tx) => {
        await tx.query(sql`update counters set value = value + 1 where name = ${names[0]}`);
        arrived[mine]?.open();
        await arrived[1 - mine]?.opened;
        await tx.query(sql`update counters set value = value + 1 where name = ${names[1]}`);
      });
    const errors = (await Promise.all([failureOf(cross(0, ['a', 'b'])), failureOf(cross(1, ['b', 'a']))])).filter(Boolean);
    expect(errors).toMatchObject([{ fault: 'busy' }]);
    expect(await patient.query(sql`select value from counters`)).toEqual([{ value: 2 }, { value: 2 }]);
    await patient.close();
  });

  it('names no value and no row in its errors', async () => {
    const secret = 'sk-secret';
    for (const statement of [
      sql`insert into counters (name, value) values ('x', ${secret})`,
      sql`insert into counters (name, value) values (${secret}, 1), (${secret}, 1)`,
      sql`insert into counters (name, value) values (${secret}, ${null})`,
    ]) {
      const error = (await failureOf(db.query(statement))) as DatabaseError;
      expect(error).toBeInstanceOf(DatabaseError);
      const cause = error.cause as Error;
      expect(JSON.stringify([error.message, error.stack, cause.message, cause.stack, { ...cause }])).not.toContain(secret);
    }
  });

  it('tells of the statement that failed, not of those that were under way behind it', async () => {
    const error = await failureOf(
      db.tx(async (tx) => {
        const wrong = tx.query(sql`insert into counters (name, value) values ('a', 1)`);
        const right = tx.query(sql`select 1`);
        await wrong.catch(() => undefined);
        await right;
      }),
    );
    expect(error).toMatchObject({ fault: 'unique' });
  });

  it('refuses NUL in text as a fault of the statement', async () => {
    expect(await failureOf(db.query(sql`select ${'a\0b'}::text as t`))).toMatchObject({ fault: 'statement' });
  });

  it('ends a transaction that stands still, and gives its connection to nobody', async () => {
    const hurried = await openPostgres({ url, poolSize: 1, maxOverflow: 0, idleInTransactionMs: 50 });
    const stalled = hurried.tx(async (tx) => {
      const [{ pid } = { pid: 0 }] = await tx.query<{ pid: number }>(sql`select pg_backend_pid() as pid`);
      await until('the server to end the session', async () => {
        const rows = await db.query(sql`select 1 from pg_stat_activity where pid = ${pid}`);
        return rows.length === 0 || undefined;
      });
      await tx.query(sql`update counters set value = 99`);
    });
    expect(await failureOf(stalled)).toMatchObject({ transient: true });
    expect(await hurried.query(sql`select value from counters where name = 'a'`)).toEqual([{ value: 1 }]);
    await hurried.close();
  });

  it('makes callers wait when all connections are lent, and says so when that takes too long', async () => {
    const small = await openPostgres({ url, poolSize: 1, maxOverflow: 1, connectTimeoutMs: 300 });
    const held = gate();
    const holders = [0, 1].map(() => small.tx(() => held.opened));
    expect(await failureOf(small.ping())).toMatchObject({ fault: 'busy', message: expect.stringContaining('DB_POOL_SIZE') });
    const waiting = small.query(sql`select 1 as one`);
    held.open();
    expect(await waiting).toEqual([{ one: 1 }]);
    await Promise.all(holders);
    await small.close();
  });

  it.each([
    ['a wrong password', (good: URL) => Object.assign(good, { password: 'wrong-one' }), /user name or password is wrong/],
    ['a user that is not there', (good: URL) => Object.assign(good, { username: 'nobody' }), /user name or password is wrong/],
    ['a database that is not there', (good: URL) => Object.assign(good, { pathname: '/nowhere' }), /no such database/],
    ['a port where nothing listens', (good: URL) => Object.assign(good, { port: '1' }), /refused/],
    ['a host that is not known', (good: URL) => Object.assign(good, { hostname: 'nowhere.invalid' }), /host name/],
  ])('says at start what is wrong with %s, naming host, port and database but no password', async (_, change, words) => {
    const wrong = change(new URL(url));
    const error = await failureOf(openPostgres({ url: wrong.href }));
    expect(error).toBeInstanceOf(StoreUnreachable);
    expect(String(error)).toMatch(words);
    expect(String(error)).toContain(`${wrong.hostname}:${wrong.port}${wrong.pathname}`);
    expect(JSON.stringify([String(error), (error as Error).stack])).not.toMatch(new RegExp(`${TEST_PASSWORD}|wrong-one`));
  });

  it('gives up on a server that takes the connection and says nothing', async () => {
    const silent = await new Promise<Server>((resolve) => {
      const server = createServer(() => undefined).listen(0, '127.0.0.1', () => resolve(server));
    });
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const error = await failureOf(openPostgres({ url: `postgresql://u:p@127.0.0.1:${port}/d`, connectTimeoutMs: 200 }));
    expect(String(error)).toMatch(/127\.0\.0\.1:\d+\/d: no answer in time/);
    silent.close();
  });

  it('refuses an address that is none without showing it', async () => {
    const error = await failureOf(openPostgres({ url: 'postgresql://u:p#x7/rd@host:x/d' }));
    expect(String(error)).toMatch(/not of the form.*percent-encoded/);
    expect(String(error)).not.toContain('x7');
  });
});

describe('a PostgreSQL server that', () => {
  let server: TestPostgres;
  let db: Database;
  beforeAll(async () => {
    server = await startTestPostgres();
    db = await openPostgres({ url: server.url, poolSize: 4 });
    await db.query(sql`create table counters (value bigint not null)`);
    await db.query(sql`insert into counters (value) values (0)`);
  });
  afterAll(async () => {
    await db.close();
    await server.stop();
  });

  const value = async (): Promise<unknown> => (await db.query(sql`select value from counters`))[0];
  const back = (): Promise<true> => until('the server to answer', () => db.ping().then(() => true as const));

  it.each(['fast', 'immediate'] as const)(
    'stops (%s) in the middle of a transaction undoes it, and all is well when it is back',
    async (mode) => {
      await Promise.all(Array.from({ length: 4 }, () => db.ping()));
      const error = await failureOf(
        db.tx(async (tx) => {
          await tx.query(sql`update counters set value = 99`);
          await server.down(mode);
          await tx.query(sql`update counters set value = 100`);
        }),
      );
      expect(error).toMatchObject({ fault: 'unavailable' });
      expect(String(error)).toContain(`127.0.0.1:${server.port}/kirogate`);
      expect(await failureOf(db.query(sql`select 1`))).toMatchObject({ fault: 'unavailable', message: expect.stringContaining('refused') });
      await server.up();
      await back();
      expect(await value()).toEqual({ value: 0 });
      await Promise.all(Array.from({ length: 20 }, () => db.tx((tx) => tx.query(sql`update counters set value = value + 1`))));
      await db.query(sql`update counters set value = value - 20`);
    },
  );

  it('restarts while the pool is idle is met by fresh connections', async () => {
    await Promise.all(Array.from({ length: 4 }, () => db.ping()));
    await server.restart('immediate');
    await back();
    expect(await Promise.all(Array.from({ length: 8 }, value))).toEqual(Array.from({ length: 8 }, () => ({ value: 0 })));
  });

  it('ends one session only fails the transaction in it', async () => {
    const error = await failureOf(
      db.tx(async (tx) => {
        const [{ pid } = { pid: 0 }] = await tx.query<{ pid: number }>(sql`select pg_backend_pid() as pid`);
        await db.query(sql`select pg_terminate_backend(${pid})`);
        await tx.query(sql`update counters set value = 99`);
      }),
    );
    expect(error).toMatchObject({ fault: 'unavailable' });
    expect(await value()).toEqual({ value: 0 });
  });

  it('became a standby is refused by name, at start and later', async () => {
    const [where] = await db.query<{ dir: string }>(sql`select current_setting('data_directory') as dir`);
    await server.down();
    writeFileSync(join(where?.dir ?? '', 'standby.signal'), '');
    await server.up();
    const refusal = await until('a refusal', async () => {
      const error = await failureOf(db.query(sql`update counters set value = 1`));
      return /read-only/.test(String(error)) ? error : undefined;
    });
    expect(refusal).toMatchObject({ fault: 'unavailable', message: expect.stringContaining('standby') });
    const error = await failureOf(openPostgres({ url: server.url }));
    expect(error).toBeInstanceOf(StoreUnreachable);
    expect(String(error)).toMatch(/standby.*primary/);
  });
});
