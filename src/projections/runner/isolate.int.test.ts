/** Ingest of entries that the archive itself refuses: they are found and archived as stand-ins, and nothing else waits for them. */
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verifyArchive } from '../../events/archive.js';
import type { EventLog, LogEntry } from '../../events/log/port.js';
import { DatabaseError } from '../../infra/database/errors.js';
import { type Database, sql } from '../../infra/database/port.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import { used } from '../testing/events.js';
import { openStore } from '../testing/store.js';
import { commitBatch } from './commitBatch.js';
import { type Ingest, startIngest } from './ingest.js';
import { commitApart } from './isolate.js';
import { parkedEventMaker } from './parkedEvent.js';

const ids = createIds(systemClock);
const logger = pino({ level: 'silent' });
let db: Database;
let ingest: Ingest | undefined;

beforeEach(async () => {
  db = await openStore();
});
afterEach(async () => {
  await ingest?.close();
  ingest = undefined;
  await db.close();
});

/** Hands these out once. */
function logOf(entries: LogEntry[]): EventLog {
  return {
    partitions: [],
    append: () => Promise.reject(new Error('not in this test')),
    read: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return entries.splice(0);
    },
    archived: async () => undefined,
    backlog: () => ({ events: entries.length, bytes: 0 }),
    close: async () => undefined,
  };
}

const entry = (partition: string, n: number, over: Partial<LogEntry['event']> = {}): LogEntry => ({
  partition,
  cursor: `${n}-0`,
  src: 'run',
  n,
  event: { ...used({ id: ids.uuid() }), ...over },
});
const bottomless = (): unknown => JSON.parse('['.repeat(20_000) + ']'.repeat(20_000));
/** SQLite takes a subject of any length; PostgreSQL has an index over it. */
const refused = () => (db.engine === 'postgres' ? { subject: 's'.repeat(500_000) } : { data: bottomless() });

describe('an entry that the archive refuses', () => {
  test('is archived as a stand-in and parked with the reason; all others of all partitions are archived as they are', async () => {
    const entries = ['p0', 'p1', 'p2'].flatMap((partition) =>
      Array.from({ length: 9 }, (_, index) => entry(partition, index + 1, partition === 'p1' && index === 4 ? refused() : {})),
    );
    const bad = entries[13] as LogEntry;
    entries.push(entry('p3', 1, { type: 'kirogate.token.teleported', data: bottomless() }), entry('p3', 2));
    const good = entries.filter((each) => each !== bad && each.event.type === 'kirogate.token.used').map(({ event }) => event.id);
    ingest = startIngest({ db, log: logOf(entries), clock: systemClock, logger, lingerMs: 0, maxPauseMs: 50 });
    await ingest.idle();
    const kept = await db.query<{ id: string }>(sql`select id from archive where type = 'kirogate.token.used' and dataversion = 1`);
    expect(kept.map(({ id }) => id).sort()).toEqual(good.sort());
    const stands = await db.query<{ partition: string; position: number; data: string }>(
      sql`select partition, position, data from archive where dataversion = 0 order by partition`,
    );
    expect(stands).toMatchObject([
      { partition: 'p1', position: 5 },
      { partition: 'p3', position: 1 },
    ]);
    for (const { data } of stands) expect(data.length).toBeLessThan(100_000);
    if (db.engine === 'postgres') expect(stands[0]?.data).toContain('exceeds btree');
    const reasons = await db.query<{ reason: string }>(sql`select distinct reason from parked_events where reason <> 'behind_parked'`);
    expect(reasons).toEqual([{ reason: 'unreadable' }]);
    expect(ingest.status()).toMatchObject({ state: 'running', archived: 29, error: null });
    expect((await verifyArchive(db)).every(({ ok }) => ok)).toBe(true);
  });

  test('is not told of twice: the counter of its producer has gone on', async () => {
    const options = { projections: [], now: systemClock.now(), parkedEvent: parkedEventMaker(ids, systemClock) };
    const bad = entry('p0', 1, refused());
    const first = await commitBatch({ db, logger }, [bad], new Map(), options);
    expect(first).toMatchObject({ archived: 1, watermarks: [{ partition: 'p0', cursor: '1-0' }] });
    const again = await commitBatch({ db, logger }, [{ ...bad, cursor: '2-0' }], new Map([['p0', '1-0']]), options);
    expect(again).toMatchObject({ archived: 0, duplicates: 1 });
  });
});

describe('taking a batch apart', () => {
  const result = (entries: readonly LogEntry[]) => ({
    watermarks: entries.slice(-1).map(({ partition, cursor, src, n }) => ({ partition, cursor, producers: new Map([[src, n]]) })),
    archived: entries.length,
    duplicates: 0,
    parked: [],
    unknownTypes: 0,
  });

  test('ends at once when the store is gone, and replaces nothing', async () => {
    let tries = 0;
    const gone = new DatabaseError('unavailable', 'gone');
    const commit = (): Promise<never> => {
      tries += 1;
      return Promise.reject(gone);
    };
    await expect(commitApart(commit, [entry('p0', 1), entry('p1', 1)], new Map(), 1)).rejects.toBe(gone);
    expect(tries).toBe(1);
  });

  test('goes on with other partitions when one takes not even the stand-in, and throws then', async () => {
    const written: string[] = [];
    const fault = new Error('never');
    const commit = (entries: readonly LogEntry[]): ReturnType<Parameters<typeof commitApart>[0]> => {
      if (entries[0]?.partition === 'p0') return Promise.reject(fault);
      written.push(...entries.map(({ event }) => event.id));
      return Promise.resolve(result(entries));
    };
    const fine = [entry('p1', 1), entry('p1', 2)];
    await expect(commitApart(commit, [entry('p0', 1), ...fine], new Map(), 1)).rejects.toBe(fault);
    expect(written).toEqual(fine.map(({ event }) => event.id));
  });
});
