/** A role that may not do what a node does is refused at start, by name and with the tables, and not at midnight. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../config.js';
import { systemClock } from '../../shared/clock.js';
import { migrate } from './migrate.js';
import { type Database, sql } from './port.js';
import { openPostgres } from './postgres.js';
import { checkRights } from './rights.js';
import { startTestPostgres, TEST_PASSWORD, TEST_USER, type TestPostgres } from './testing/server.js';

const dir = fileURLToPath(new URL('../../../migrations', import.meta.url));
let server: TestPostgres;
let owner: Database;

beforeAll(async () => {
  server = await startTestPostgres();
  owner = await openPostgres({ url: server.url, poolSize: 1 });
  await migrate(owner, { dir, eventPartitions: 2, clock: systemClock });
  await run(`create role guest login password '${TEST_PASSWORD}'`);
});
afterAll(async () => {
  await owner?.close();
  await server?.stop();
});

const run = (statement: string): Promise<unknown> => owner.query(sql.__dangerous__rawValue(statement));
const urlOf = (role: string): string => server.url.replace(`//${TEST_USER}:`, `//${role}:`);

async function asGuest<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const db = await openPostgres({ url: urlOf('guest'), poolSize: 1 });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}
const refusal = (): Promise<unknown> => asGuest((db) => checkRights(db, 'h:1/d').catch((error: unknown) => error));

describe('the role of the database', () => {
  it('has all rights where it made the tables, whatever stands beside them', async () => {
    await run('create table beside (a bigint)');
    await run('alter table beside owner to guest');
    await checkRights(owner, 'h:1/d');
  });

  it('is refused where it may only read, or may write but not add a day, naming the tables', async () => {
    await run('grant select on all tables in schema public to guest');
    const reader = await refusal();
    expect(reader).toBeInstanceOf(ConfigError);
    expect((reader as ConfigError).faults.join()).toMatch(
      /^DATABASE_URL: the role guest may not .* and \d+ more in PostgreSQL at h:1\/d; use/,
    );
    await run('grant insert, update, delete on all tables in schema public to guest');
    expect(String(await refusal())).toMatch(/with archive\b/);
  });

  it('may be a member of the one that owns the tables', async () => {
    await run(`grant ${TEST_USER} to guest`);
    expect(await refusal()).toBeUndefined();
  });

  it('is refused when it opens where it may not connect', async () => {
    await run('revoke connect on database kirogate from public');
    await run(`revoke ${TEST_USER} from guest`);
    const error = await asGuest(async () => undefined).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults[0]).toMatch(/^PostgreSQL at .*DATABASE_URL lacks a right.*permission denied for database/);
  });
});
