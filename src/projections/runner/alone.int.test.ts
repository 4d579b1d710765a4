/** Builds of several processes: one at a time, and never into each other's tables. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Database, sql } from '../../infra/database/port.js';
import { systemClock } from '../../shared/clock.js';
import { projections } from '../index.js';
import { openStore } from '../testing/store.js';
import { alone, BuildBusy } from './alone.js';
import { startBuild } from './build.js';

let db: Database;
beforeEach(async () => {
  db = await openStore();
});
afterEach(() => db.close());

describe('builds side by side', () => {
  test('answer what the work answers, or its error, and let the next one in', async () => {
    expect(await alone(db, 'x', async () => 7)).toBe(7);
    await expect(alone(db, 'x', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await alone(db, 'x', async () => 8)).toBe(8);
  });

  test('of one name are refused where a server can tell, of two names not', async () => {
    const outcome = await alone(db, 'x', async () => {
      expect(await alone(db, 'y', async () => 1)).toBe(1);
      return alone(db, 'x', async () => 2).catch((error: unknown) => error);
    });
    if (db.engine === 'postgres') expect(outcome).toBeInstanceOf(BuildBusy);
    else expect(outcome).toBe(2);
  });

  test('that lost their lock cannot write into the tables of the next one, and leave none behind', async () => {
    const spec = { db, projections: projections.filter(({ name }) => name === 'audit'), kind: '__next', clock: systemClock };
    const first = await startBuild(spec);
    const second = await startBuild(spec);
    await expect(db.query(sql`select * from ${first.table('audit')}`)).rejects.toThrow();
    await db.query(sql`select * from ${second.table('audit')}`);
    await second.drop();
    await first.drop();
    const tables = db.engine === 'postgres' ? sql`select tablename as name from pg_tables` : sql`select name from sqlite_master`;
    expect((await db.query<{ name: string }>(tables)).filter(({ name }) => name.startsWith('audit__'))).toEqual([]);
  });
});
