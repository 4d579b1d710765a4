/** Rebuild and verify over real databases: equal to live, while the system serves, and honest when something differs. */
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openMemoryLog } from '../../events/log/memory.js';
import type { EventLog } from '../../events/log/port.js';
import { type Database, sql } from '../../infra/database/port.js';
import { planOf } from '../../infra/database/testing/plan.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import type { Projection } from '../define.js';
import { projectionNamed, projections } from '../index.js';
import { requestMetrics } from '../requestQueries.js';
import { MONDAY, used } from '../testing/events.js';
import { openStore, PARTITIONS } from '../testing/store.js';
import { BuildError } from './build.js';
import { activeVersions } from './checkpoints.js';
import { type Ingest, startIngest } from './ingest.js';
import { rebuild } from './rebuild.js';
import { verifyProjections } from './verify.js';

const ids = createIds(systemClock);
const logger = pino({ level: 'silent' });
let db: Database;
let log: EventLog;
let ingest: Ingest;

beforeEach(async () => {
  db = await openStore();
  log = await openMemoryLog({ partitions: PARTITIONS, dir: null, ids, clock: systemClock });
  ingest = startIngest({ db, log, clock: systemClock, logger, lingerMs: 0 });
});
afterEach(async () => {
  await ingest.close();
  await log.close();
  await db.close();
});

const append = (count: number): Promise<unknown> =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      log.append(used({ tokenId: `t${index % 9}`, userId: `u${index % 4}`, time: MONDAY + index * 1_000 })),
    ),
  );
const named = (name: string): Projection => {
  const projection = projectionNamed(name);
  if (!projection) throw new Error(`there is no projection ${name}`);
  return projection;
};
const total = async (): Promise<number> => (await requestMetrics(db, 'all', MONDAY)).totalRequests;
/** Tables and indices by name. */
const objects = async (kinds: readonly ('table' | 'index')[] = ['table', 'index']): Promise<string[]> => {
  const rows =
    db.engine === 'sqlite'
      ? await db.query<{ name: string; kind: 'table' | 'index' }>(
          sql`select name, type as kind from sqlite_master where sql is not null order by name`,
        )
      : await db.query<{ name: string; kind: 'table' | 'index' }>(
          sql`select relname as name, case relkind when 'r' then 'table' else 'index' end as kind from pg_class
            where relnamespace = current_schema()::regnamespace and relkind in ('r', 'i') order by relname`,
        );
  return rows.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name);
};

describe('a rebuild', () => {
  test('of each projection equals the live tables, and serves in their place', async () => {
    await append(300);
    await ingest.idle();
    for (const projection of projections) {
      expect(await rebuild({ db, projection, clock: systemClock, pageSize: 37 })).toMatchObject({
        projection: projection.name,
        events: 300,
        equal: true,
        difference: null,
      });
    }
    await append(20);
    await ingest.idle();
    expect(await total()).toBe(320);
    expect((await verifyProjections({ db, clock: systemClock })).ok).toBe(true);
  });

  test('loses nothing that is archived while it runs', async () => {
    await append(200);
    await ingest.idle();
    let fed = 0;
    const result = await rebuild({
      db,
      projection: named('requests'),
      clock: systemClock,
      pageSize: 25,
      onProgress: () => {
        if (fed >= 100) return;
        fed += 10;
        void append(10);
      },
    });
    await ingest.idle();
    expect(result.equal).toBe(true);
    expect(await total()).toBe(200 + fed);
    expect((await verifyProjections({ db, clock: systemClock })).ok).toBe(true);
  });

  test('tells how far it is', async () => {
    await append(100);
    await ingest.idle();
    const seen: { done: number; total: number; phase: string }[] = [];
    await rebuild({
      db,
      projection: named('use'),
      clock: systemClock,
      pageSize: 20,
      onProgress: ({ done, total: all, phase }) => void seen.push({ done, total: all, phase }),
    });
    expect(seen.at(-1)).toEqual({ done: 100, total: 100, phase: 'swapping' });
    expect(seen.map(({ done }) => done)).toEqual(seen.map(({ done }) => done).toSorted((a, b) => a - b));
  });

  test('keeps the indices, also the second time, and one generation of old tables', async () => {
    const indices = async (): Promise<string[]> => (await objects(['index'])).filter((name) => name.startsWith('activity'));
    const before = await indices();
    for (let round = 0; round < 3; round += 1) await rebuild({ db, projection: named('activity'), clock: systemClock });
    expect((await objects(['table'])).filter((name) => name.startsWith('activity'))).toEqual(['activity', 'activity__previous']);
    // Those of the table and of the one before; a copied index bears a name of PostgreSQL's choice.
    expect(before.length).toBeGreaterThan(2);
    expect(await indices()).toHaveLength(2 * before.length);
    if (db.engine === 'postgres') return;
    const { words } = await planOf(db, sql`select * from activity where user_id = ${'u'} order by at desc, id desc`);
    expect(words).toContain('activity_user');
  });

  test('repairs what was changed by hand, and says that it was different', async () => {
    await append(30);
    await ingest.idle();
    await db.query(sql`update key_use set requests = 7`);
    expect(await rebuild({ db, projection: named('use'), clock: systemClock })).toMatchObject({
      equal: false,
      difference: { table: 'key_use', key: { key_id: 'k1' } },
    });
    expect(await db.query(sql`select requests from key_use`)).toEqual([{ requests: 30 }]);
  });

  test('of a new version becomes the active one, without a comparison', async () => {
    await append(5);
    await ingest.idle();
    const now = named('use');
    const next = { ...now, version: now.version + 1 };
    expect(await rebuild({ db, projection: next, clock: systemClock })).toMatchObject({
      ...{ from: now.version, version: next.version, equal: null },
    });
    expect((await activeVersions(db)).get('use')).toBe(next.version);
  });

  test('that cannot take an event stops, leaves the live tables and no scratch ones', async () => {
    await append(5);
    await ingest.idle();
    const before = await objects();
    const broken = {
      ...named('use'),
      fold: () => {
        throw new Error('cannot');
      },
    };
    await expect(rebuild({ db, projection: broken, clock: systemClock })).rejects.toThrow(BuildError);
    expect(await objects()).toEqual(before);
    expect(await db.query(sql`select requests from key_use`)).toEqual([{ requests: 5 }]);
  });
});

describe('verify', () => {
  test('names the projection, the table and the first row that differ, and changes nothing', async () => {
    await append(40);
    await ingest.idle();
    const before = await objects();
    await db.query(sql`update token_health set successes = successes + 1 where token_id = ${'t4'}`);
    await db.query(sql`delete from activity where at = ${MONDAY + 5_000}`);
    const { ok, projections: verdicts, archive } = await verifyProjections({ db, clock: systemClock });
    expect(ok).toBe(false);
    expect(verdicts.filter(({ equal }) => !equal)).toMatchObject([
      { name: 'activity', difference: { table: 'activity', key: { at: String(MONDAY + 5_000) } } },
      { name: 'tokenHealth', difference: { table: 'token_health', key: { token_id: 't4' } } },
    ]);
    expect(archive.every(({ ok: holds }) => holds)).toBe(true);
    expect(await objects()).toEqual(before);
  });

  test('finds a row of the archive that was changed', async () => {
    await append(10);
    await ingest.idle();
    await db.query(sql`update archive set actor = ${'someone else'} where position = 1`);
    expect((await verifyProjections({ db, clock: systemClock })).ok).toBe(false);
  });
});
