/** Ingest over real SQLite: once and only once, whatever is delivered twice, fails or is killed between. */
import fc from 'fast-check';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { appendToArchive } from '../../events/archive.js';
import { CONTROL_PARTITION, type NewEvent } from '../../events/define.js';
import { eventType } from '../../events/index.js';
import { openMemoryLog } from '../../events/log/memory.js';
import { type EventLog, type LogEntry, partitionOf, type Watermark } from '../../events/log/port.js';
import { DatabaseError } from '../../infra/database/errors.js';
import { type Database, type Queryable, sql } from '../../infra/database/port.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import type { Projection } from '../define.js';
import { projections } from '../index.js';
import { eventOf, used } from '../testing/events.js';
import { histories } from '../testing/histories.js';
import { emptyStore, openStore, PARTITIONS } from '../testing/store.js';
import { applyEvents } from './apply.js';
import { checksum } from './checksum.js';
import { liveTable } from './fold.js';
import { type Ingest, startIngest } from './ingest.js';
import { verifyProjections } from './verify.js';

const ids = createIds(systemClock);
let db: Database;
let log: EventLog;
let ingest: Ingest | undefined;
let lines: { level: number; msg: string }[];
const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as { level: number; msg: string }) });

beforeEach(async () => {
  lines = [];
  db = await openStore();
  log = await openMemoryLog({ partitions: PARTITIONS, dir: null, ids, clock: systemClock });
});
afterEach(async () => {
  await ingest?.close();
  ingest = undefined;
  await log.close();
  await db.close();
});

const start = (over: Partial<Parameters<typeof startIngest>[0]> = {}): Ingest =>
  (ingest = startIngest({ db, log, clock: systemClock, logger, lingerMs: 0, maxPauseMs: 50, ...over }));
const append = (events: readonly NewEvent[]): Promise<unknown> => Promise.all(events.map((event) => log.append(event)));
const isTraffic = ({ type }: NewEvent): boolean => eventType(type)?.origin !== 'control';
const archivedIds = async (): Promise<string[]> =>
  (await db.query<{ id: string }>(sql`select id from archive order by id`)).map(({ id }) => id);
const checksums = async (): Promise<string[]> => {
  const found = [];
  for (const projection of projections) found.push(await checksum(db, projection, liveTable));
  return found;
};

/** A log that hands out what it is given, as often as it is told to. */
function scriptedLog(batches: LogEntry[][]): EventLog & { readonly released: Watermark[] } {
  const released: Watermark[] = [];
  return {
    partitions: [],
    released,
    append: () => Promise.reject(new Error('not in this test')),
    read: async (_after, { waitMs }) =>
      batches.shift() ?? (await new Promise((resolve) => setTimeout(() => resolve([]), Math.min(waitMs, 5)))),
    archived: async (watermarks) => void released.push(...watermarks),
    backlog: () => ({ events: batches.length, bytes: 0 }),
    close: async () => undefined,
  };
}

function entriesOf(events: readonly NewEvent[], src: string): LogEntry[] {
  const counters = new Map<string, number>();
  return events.map((event) => {
    const partition = partitionOf(event.partitionkey, PARTITIONS);
    const n = (counters.get(partition) ?? 0) + 1;
    counters.set(partition, n);
    return { partition, cursor: `${src}:${n}`, src, n, event };
  });
}

describe('ingest', () => {
  test('archives what is appended, and every read model equals a rebuild', async () => {
    start();
    await fc.assert(
      fc.asyncProperty(histories(60), async (history) => {
        await Promise.all([append(history.filter(isTraffic)), control(history.filter((event) => !isTraffic(event)))]);
        await ingest?.idle();
        const { ok, projections: verdicts, archive } = await verifyProjections({ db, clock: systemClock });
        expect(verdicts.filter(({ equal }) => !equal)).toEqual([]);
        expect(archive.filter(({ ok: holds }) => !holds)).toEqual([]);
        expect(ok).toBe(true);
      }),
      { numRuns: 8 },
    );
  });

  test('takes what is delivered three times once, by the same producer and by another', async () => {
    const events = Array.from({ length: 30 }, (_, index) => used({ tokenId: `t${index % 5}` }));
    const once = entriesOf(events, 'a');
    const batches = [once];
    start({ log: scriptedLog(batches) });
    await ingest?.idle();
    await ingest?.close();
    const [archived, tables] = [await archivedIds(), await checksums()];
    expect(archived).toHaveLength(30);

    const again = scriptedLog([once, entriesOf(events, 'b'), [...once, ...entriesOf(events, 'c')]]);
    start({ log: again });
    await ingest?.close();
    expect(await archivedIds()).toEqual(archived);
    expect(await checksums()).toEqual(tables);
    expect(ingest?.status()).toMatchObject({ archived: 0, duplicates: 120 });
    expect(again.released.length).toBeGreaterThan(0);
  });

  test('takes an event once that comes twice in a batch, in two partitions', async () => {
    const event = used();
    const twice: LogEntry[] = ['p0', 'p1'].map((partition) => ({ partition, cursor: 'x:1', src: 'x', n: 1, event }));
    start({ log: scriptedLog([twice]) });
    await ingest?.close();
    expect(await archivedIds()).toEqual([event.id]);
  });

  test('killed anywhere in a transaction it leaves nothing, and goes on where it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(60), { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 40 }), async (kills, batchSize) => {
        await emptyStore(db);
        const events = Array.from({ length: 60 }, (_, index) => used({ tokenId: `t${index % 7}`, userId: `u${index % 3}` }));
        const waiting = [...kills];
        const fragile = dyingDatabase(db, () => waiting.shift());
        const fresh = await openMemoryLog({ partitions: PARTITIONS, dir: null, ids, clock: systemClock });
        await Promise.all(events.map((event) => fresh.append(event)));
        const running = startIngest({ db: fragile, log: fresh, clock: systemClock, logger, lingerMs: 0, maxPauseMs: 1, batchSize });
        await running.idle();
        await running.close();
        await fresh.close();
        expect(await archivedIds()).toEqual(events.map(({ id }) => id).sort());
        expect((await verifyProjections({ db, clock: systemClock })).ok).toBe(true);
      }),
      { numRuns: 8 },
    );
  });

  test('says once that it fails and once that it goes on again', async () => {
    let broken = true;
    const failing: Database = {
      ...portOf(db),
      tx: (fn) => (broken ? Promise.reject(new DatabaseError('unavailable', 'the disk is gone')) : db.tx(fn)),
    };
    start({ db: failing, maxPauseMs: 2 });
    await append([used()]);
    await until(() => ingest?.status().state === 'failing');
    expect(ingest?.status().error).toBe('the disk is gone');
    await until(() => lines.length > 0);
    broken = false;
    await ingest?.idle();
    await until(() => ingest?.status().state === 'running');
    expect(lines.map(({ msg }) => msg)).toEqual([
      'events cannot be archived; they wait in the log and are tried again',
      'events are archived again',
    ]);
    expect(await archivedIds()).toHaveLength(1);
  });

  test('drains when it is closed', async () => {
    start();
    await ingest?.idle();
    void append(Array.from({ length: 500 }, () => used()));
    await ingest?.close();
    expect(await archivedIds()).toHaveLength(500);
    expect(ingest?.status()).toMatchObject({ state: 'closed', waiting: 0, archived: 500 });
  });

  test('steps back when another process has gone on, without a double', async () => {
    const events = [used(), used()];
    const entries = entriesOf(events, 'a');
    start({ log: scriptedLog([entries]) });
    await ingest?.close();
    const stale: Database = {
      ...portOf(db),
      query: ((query) =>
        db.query(query).then((rows) => rows.map((row) => ({ ...(row as object), log_cursor: null })))) as Database['query'],
    };
    start({ db: stale, log: scriptedLog([entries]), projections: [] });
    await ingest?.close();
    expect(await archivedIds()).toHaveLength(2);
    expect(lines.filter(({ level }) => level >= 40)).toEqual([]);
  });

  test('refuses to run over the tables of a newer build, and says so', async () => {
    await db.query(sql`update projection_sets set active_version = 99 where projection = ${'activity'}`);
    start();
    await expect(ingest?.idle()).rejects.toThrow(/run the newer build/);
    expect(ingest?.status().state).toBe('closed');
  });

  test('brings a projection that is new to the archive up to date before it goes on', async () => {
    await append([used(), used()]);
    await start({ projections: projections.filter(({ name }) => name !== 'use') }).idle();
    await ingest?.close();
    await append([used()]);
    await start().idle();
    expect(await db.query(sql`select requests from user_total`)).toEqual([{ requests: 3 }]);
  });
});

describe('a poisoned event', () => {
  const parked = (): Promise<unknown[]> =>
    db.query(sql`select projection, subject, reason, state from parked_events order by projection, position`);
  const bad = (): NewEvent => ({ ...used(), data: { userId: 7 } });
  const takers = projections.filter(({ types }) => types.includes('kirogate.token.used')).map(({ name }) => name);

  test('is archived, parked for each projection that cannot take it, told of, and the rest goes on', async () => {
    start();
    await append([used(), bad(), used()]);
    await ingest?.idle();
    expect(await archivedIds()).toHaveLength(3 + takers.length);
    expect(await parked()).toEqual(
      takers.toSorted().map((projection) => ({
        projection,
        subject: 'token/t1',
        reason: 'invalid_data',
        state: 'parked',
      })),
    );
    expect(await db.query(sql`select requests from user_total`)).toEqual([{ requests: 2 }]);
    expect(await db.query(sql`select count(*) as n from archive where type = ${'kirogate.projection.event-parked'}`)).toEqual([
      { n: takers.length },
    ]);
    expect((await verifyProjections({ db, clock: systemClock })).ok).toBe(true);
  });

  test('of an unknown type is skipped and counted, of an unknown version parked', async () => {
    start();
    await append([
      eventOf('kirogate.token.used', { key: 'k' }),
      { ...used(), type: 'kirogate.token.teleported' },
      { ...used(), dataversion: 99 },
    ]);
    await ingest?.idle();
    expect(ingest?.status()).toMatchObject({ unknownTypes: 1, parked: takers.length, archived: 3 });
    expect(await db.query(sql`select distinct reason from parked_events`)).toEqual([{ reason: 'unknown_version' }]);
  });

  test('that stands for an unreadable entry of the log is parked with what was wrong, whatever type it names', async () => {
    const broken = (type: string): NewEvent => ({ ...used(), type, dataversion: 0, data: { unreadable: 'the field data is no JSON' } });
    start({ log: scriptedLog([entriesOf([broken('kirogate.log.unreadable'), used(), broken('kirogate.quota.warned')], 'a')]) });
    await ingest?.close();
    expect(await archivedIds()).toHaveLength(3 + 1 + 1);
    expect(await db.query(sql`select distinct projection, reason, error, state from parked_events order by projection`)).toEqual(
      ['event-log', 'notifications'].map((projection) => ({
        projection,
        reason: 'unreadable',
        error: 'the field data is no JSON',
        state: 'parked',
      })),
    );
    expect(await db.query(sql`select requests from user_total`)).toEqual([{ requests: 1 }]);
  });

  test('that the database refuses is found and parked, for that projection only', async () => {
    const use = projections.find(({ name }) => name === 'use') as Projection<{ keys: Map<string, Record<string, unknown>> }>;
    const picky: Projection = {
      ...use,
      flush: (batch, tx, table) => {
        const { keys } = batch as { keys: Map<string, Record<string, unknown>> };
        for (const row of keys.values()) if (row.key_id === 'poison') row.requests = null;
        return use.flush(batch as never, tx, table);
      },
    } as Projection;
    start({ projections: projections.map((projection) => (projection.name === 'use' ? picky : projection)) });
    await append([used(), used({ keyId: 'poison' }), used()]);
    await ingest?.idle();
    expect(await parked()).toEqual([{ projection: 'use', subject: 'token/t1', reason: 'write_failed', state: 'parked' }]);
    expect(await db.query(sql`select requests from user_total`)).toEqual([{ requests: 2 }]);
    expect(await db.query(sql`select count(*) as n from activity`)).toEqual([{ n: 3 }]);
  });

  test('parks nothing when the tables themselves do not fit', async () => {
    await db.query(sql`alter table user_total rename to gone`);
    start({ maxPauseMs: 1 });
    await append([used()]);
    await until(() => ingest?.status().state === 'failing');
    await db.query(sql`alter table gone rename to user_total`);
    await ingest?.idle();
    expect(await parked()).toEqual([]);
    expect(await db.query(sql`select requests from user_total`)).toEqual([{ requests: 1 }]);
  });

  test('that is taken after all counts from its retry, also in a rebuild; one given up never does', async () => {
    let broken = true;
    const fragile = projections.map((projection) =>
      projection.name === 'use'
        ? ({
            ...projection,
            fold(batch, event) {
              if (broken && event.subject !== 'token/fine') throw new Error('not yet');
              projection.fold(batch, event);
            },
          } as Projection)
        : projection,
    );
    start({ projections: fragile });
    await append([used({ tokenId: 'one' }), used({ tokenId: 'two' }), used({ tokenId: 'fine' })]);
    await ingest?.idle();
    broken = false;
    const rows = await db.query<{ subject: string; event_id: string; partition: string; position: number; type: string }>(
      sql`select * from parked_events order by subject`,
    );
    expect(rows.map(({ subject }) => subject)).toEqual(['token/one', 'token/two']);
    const answer = async (row: (typeof rows)[number] | undefined, what: 'event-retried' | 'event-discarded'): Promise<void> => {
      const { subject = '', event_id: eventId = '', partition = '', position = 0, type = '' } = row ?? {};
      const data = {
        projection: 'use',
        eventId,
        type,
        subject,
        partition,
        position,
        ...(what === 'event-discarded' ? { reason: 'broken' } : {}),
      };
      await control([eventOf(`kirogate.projection.${what}`, { subject: 'projection/use', data })], fragile);
    };
    await answer(rows[0], 'event-retried');
    await answer(rows[1], 'event-discarded');
    await answer(rows[0], 'event-retried');
    expect(await db.query(sql`select requests from user_total`)).toEqual([{ requests: 2 }]);
    expect(await db.query(sql`select state from parked_events order by subject`)).toEqual([{ state: 'retried' }, { state: 'discarded' }]);
    const { projections: verdicts } = await verifyProjections({ db, clock: systemClock });
    expect(verdicts.filter(({ equal }) => !equal)).toEqual([]);
  });

  test('holds later events of its subject back where order matters', async () => {
    const registered = { ...eventOf('kirogate.user.registered', { subject: 'user/u1' }), data: { username: 3 } };
    await control([
      registered,
      eventOf('kirogate.user.banned', { subject: 'user/u1' }),
      eventOf('kirogate.user.registered', { subject: 'user/u2' }),
    ]);
    await control([eventOf('kirogate.user.unbanned', { subject: 'user/u1' })]);
    expect(await db.query(sql`select position, reason from parked_events where projection = ${'directory'} order by position`)).toEqual([
      { position: 1, reason: 'invalid_data' },
      { position: 2, reason: 'behind_parked' },
      { position: 4, reason: 'behind_parked' },
    ]);
    expect(await db.query(sql`select id from users`)).toEqual([{ id: 'u2' }]);
  });
});

/** As a command's transaction does it. */
async function control(events: readonly NewEvent[], over: readonly Projection[] = projections): Promise<void> {
  await db.tx(async (tx) => void (await applyEvents(tx, await appendToArchive(tx, CONTROL_PARTITION, events), { projections: over })));
}

/** The methods of a database as an object of their own. */
function portOf(database: Database): Database {
  return {
    engine: database.engine,
    query: (query) => database.query(query),
    tx: (fn) => database.tx(fn),
    snapshot: (fn) => database.snapshot(fn),
    ping: () => database.ping(),
    close: () => database.close(),
  };
}

/** Dies at the n-th statement of a transaction (or at its commit), as often as `next` says where. */
function dyingDatabase(database: Database, next: () => number | undefined): Database {
  return {
    ...portOf(database),
    tx: (fn) =>
      database.tx(async (tx) => {
        let left = next() ?? Number.POSITIVE_INFINITY;
        const dying: Queryable = {
          engine: tx.engine,
          query: (query) => (left-- > 0 ? tx.query(query) : Promise.reject(new DatabaseError('unavailable', 'killed'))),
        };
        const result = await fn(dying);
        if (left < 1_000) throw new DatabaseError('unavailable', 'killed at commit');
        return result;
      }),
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
