/** The archive on real databases: positions, hashes, duplicates, the feed's cursor, and what tampering looks like. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseError } from '../infra/database/errors.js';
import { type Database, sql } from '../infra/database/port.js';
import { openTestDatabase, suiteEngine, type TestDatabase } from '../infra/database/testing/engines.js';
import { planOf } from '../infra/database/testing/plan.js';
import { systemClock } from '../shared/clock.js';
import { createIds, derivedUuid } from '../shared/ids.js';
import { appendToArchive, partitionHeads, readArchive, readPartition, toCloudEvent, verifyArchive } from './archive.js';
import type { ArchiveQuery } from './archiveFeed.js';
import type { NewEvent, StoredEvent } from './define.js';

function event(id: string, over: Partial<NewEvent> = {}): NewEvent {
  return {
    id,
    type: 'kirogate.token.used',
    source: '/kirogate/nodes/n1',
    subject: 'token/a',
    time: 1_795_392_000_000,
    data: { n: 1 },
    dataversion: 1,
    partitionkey: 'a',
    actor: 'key/k',
    correlationid: null,
    causationid: null,
    ...over,
  };
}

describe('the archive', () => {
  let store: TestDatabase;
  let db: Database;
  beforeEach(async () => {
    store = await openTestDatabase(suiteEngine(), { partitions: 3 });
    db = store.db;
  });
  afterEach(() => store.end());

  const append = (partition: string, events: readonly NewEvent[]): Promise<StoredEvent[]> =>
    db.tx((tx) => appendToArchive(tx, partition, events));
  const ids = (events: readonly { id: string }[]): string[] => events.map(({ id }) => id);
  const readAll = async (query: Omit<ArchiveQuery, 'limit' | 'after'>, limit: number): Promise<StoredEvent[]> => {
    const all: StoredEvent[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await readArchive(db, { ...query, limit, ...(after === undefined ? {} : { after }) });
      all.push(...page.items.map((item) => item.event));
      if (page.next === null) return all;
      after = page.next;
    }
  };

  it('gives dense positions from 1 in each partition', async () => {
    await append('p0', [event('a'), event('b')]);
    await append('p1', [event('c')]);
    const later = await append('p0', [event('d')]);
    expect(later).toMatchObject([{ id: 'd', partition: 'p0', position: 3 }]);
    const heads = await partitionHeads(db);
    expect([...heads].map(([name, { position }]) => [name, position])).toEqual([
      ['control', 0],
      ['p0', 3],
      ['p1', 1],
      ['p2', 0],
    ]);
  });

  it('drops what it has, in any partition, and what a batch repeats', async () => {
    await append('p0', [event('a')]);
    expect(ids(await append('p1', [event('a'), event('b'), event('b'), event('c')]))).toEqual(['b', 'c']);
    expect(await append('p1', [event('a')])).toEqual([]);
    expect(ids(await readPartition(db, 'p1', 0, 10))).toEqual(['b', 'c']);
    expect((await verifyArchive(db)).every((verdict) => verdict.ok)).toBe(true);
  });

  it('answers events as every later reader sees them', async () => {
    const appended = await append('p0', [event('a', { data: { kept: 1, gone: undefined, at: new Date(0), minus: -0 } })]);
    expect(appended).toEqual(await readPartition(db, 'p0', 0, 10));
    expect(appended[0]?.data).toEqual({ kept: 1, at: '1970-01-01T00:00:00.000Z', minus: 0 });
  });

  it('takes any content', async () => {
    const strange = fc.record({
      type: fc.string({ unit: 'binary' }),
      subject: fc.oneof(fc.string({ unit: 'binary' }), fc.constant('\ud800\0')),
      time: fc.oneof(fc.double(), fc.integer()),
      dataversion: fc.oneof(fc.double(), fc.integer()),
      correlationid: fc.option(fc.string({ unit: 'binary' })),
      data: fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.constant('\ud800\0')),
    });
    let n = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(strange, { minLength: 1, maxLength: 8 }), async (events) => {
        const appended = await append(
          'p2',
          events.map((over) => event(`s${n++}`, over as Partial<NewEvent>)),
        );
        expect(appended).toHaveLength(events.length);
        for (const each of appended) expect(() => toCloudEvent(each)).not.toThrow();
      }),
      { numRuns: 40 },
    );
    expect((await verifyArchive(db)).every((verdict) => verdict.ok)).toBe(true);
  });

  it('neither skips nor doubles a position when many append at once', async () => {
    await Promise.all(Array.from({ length: 30 }, (_, index) => append('p0', [event(`x${index}`), event(`y${index}`)])));
    expect((await readPartition(db, 'p0', 0, 100)).map(({ position }) => position)).toEqual(
      Array.from({ length: 60 }, (_, index) => index + 1),
    );
  });

  it('keeps an id once that two nodes append to different partitions at the same moment', async () => {
    const other = await store.another();
    const ids = createIds(systemClock);
    for (let round = 0; round < 10; round += 1) {
      const same = [event(ids.uuid()), event(ids.uuid())];
      const tryOn = async (from: Database, partition: string, events: readonly NewEvent[]): Promise<number> => {
        for (;;) {
          try {
            return (await from.tx((tx) => appendToArchive(tx, partition, events))).length;
          } catch (error) {
            // The one that came later may be told to try again, and finds the events then.
            if (!(error instanceof DatabaseError && error.transient)) throw error;
          }
        }
      };
      const kept = await Promise.all([tryOn(db, 'p0', same), tryOn(other, 'p1', same.toReversed())]);
      expect(kept.reduce((sum, count) => sum + count, 0)).toBe(2);
    }
    expect((await verifyArchive(db)).every((verdict) => verdict.ok)).toBe(true);
  });

  it('goes on over days: those to come, those long gone, and ids of no day', async () => {
    const day = (days: number): string => derivedUuid(`e${days}`, systemClock.now() + days * 86_400_000);
    const wanted = [0, 5, -400, 1, 2].map(day);
    for (const id of [...wanted, 'odd']) await append('p0', [event(id)]);
    await append('p1', [event(day(6)), event('odd2'), event(day(-30))]);
    expect(
      await append(
        'p2',
        [...wanted, 'odd'].map((id) => event(id)),
      ),
    ).toEqual([]);
    expect(ids(await readPartition(db, 'p0', 0, 10))).toEqual([...wanted, 'odd']);
    expect(ids(await readPartition(db, 'p0', 1, 2))).toEqual(wanted.slice(1, 3));
    expect(await readAll({ partitions: ['p1'] }, 1)).toHaveLength(3);
    expect((await verifyArchive(db)).every((verdict) => verdict.ok)).toBe(true);
  });

  it('leaves nothing of a transaction that fails', async () => {
    await db
      .tx(async (tx) => {
        await appendToArchive(tx, 'p0', [event('a')]);
        throw new Error('no');
      })
      .catch(() => undefined);
    expect(await append('p0', [event('a')])).toMatchObject([{ position: 1 }]);
  });

  describe('the feed', () => {
    it('goes through everything once, oldest first, each partition in its own order, whatever the page size', async () => {
      const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 20 })), { maxLength: 25 });
      let n = 0;
      await fc.assert(
        fc.asyncProperty(steps, fc.integer({ min: 1, max: 9 }), async (history, limit) => {
          const subject = `token/${n}`;
          const made = history.map(([partition, time]) => ({ partition: `p${partition}`, event: event(`f${n++}`, { subject, time }) }));
          for (const { partition, event: each } of made) await append(partition, [each]);
          const read = await readAll({ subject }, limit);
          expect(ids(read).sort()).toEqual(ids(made.map((each) => each.event)).sort());
          for (const partition of ['p0', 'p1', 'p2']) {
            const mine = read.filter((each) => each.partition === partition);
            expect(ids(mine)).toEqual(ids(made.filter((each) => each.partition === partition).map((each) => each.event)));
          }
          expect(await readAll({ subject }, 500)).toEqual(read);
        }),
        { numRuns: 25 },
      );
    });

    it('merges partitions by time', async () => {
      await append('p0', [event('b', { time: 2 }), event('d', { time: 4 })]);
      await append('p1', [event('a', { time: 1 }), event('c', { time: 3 })]);
      expect(ids(await readAll({}, 2))).toEqual(['a', 'b', 'c', 'd']);
    });

    it('skips nothing that is archived late with an early time', async () => {
      await append('p0', [event('new', { time: 100 })]);
      const first = await readArchive(db, { limit: 10 });
      expect(first.next).toBeNull();
      await append('p1', [event('late', { time: 1 })]);
      const second = await readArchive(db, { limit: 10, after: first.items[0]?.cursor ?? '' });
      expect(ids(second.items.map((item) => item.event))).toEqual(['late']);
    });

    it('filters by partition, type, subject, correlation and time', async () => {
      await append('p0', [
        event('a', { time: 10, type: 'kirogate.token.failed', correlationid: 'r1' }),
        event('b', { time: 20, subject: 'token/b' }),
      ]);
      await append('control', [event('c', { time: 15, correlationid: 'r1' }), event('d', { time: 30 })]);
      expect(ids(await readAll({ partitions: ['control'] }, 1))).toEqual(['c', 'd']);
      expect(ids(await readAll({ types: ['kirogate.token.failed'] }, 1))).toEqual(['a']);
      expect(ids(await readAll({ types: [] }, 1))).toEqual([]);
      expect(ids(await readAll({ subject: 'token/b' }, 1))).toEqual(['b']);
      expect(ids(await readAll({ correlationId: 'r1' }, 1))).toEqual(['a', 'c']);
      expect(ids(await readAll({ from: 15, to: 30 }, 1))).toEqual(['c', 'b']);
      expect(ids(await readAll({ from: 15, types: ['kirogate.token.failed'] }, 1))).toEqual([]);
      expect(ids(await readAll({ to: 16, subject: 'token/a' }, 1))).toEqual(['a', 'c']);
    });

    it('refuses a cursor that it did not give out', async () => {
      for (const after of ['', 'nonsense', Buffer.from('p0:x').toString('base64url'), Buffer.from('p0:1,').toString('base64url')]) {
        await expect(readArchive(db, { limit: 1, after })).rejects.toMatchObject({ code: 'invalid_request', param: 'after' });
      }
    });

    it('answers the story of a subject or a request from an index', async () => {
      await append(
        'p0',
        Array.from({ length: 500 }, (_, n) => event(`i${n}`, { subject: `token/${n % 99}`, correlationid: `r${n}`, time: n })),
      );
      for (const [name, condition] of [
        ['subject', sql`subject = ${'token/7'}`] as const,
        ['correlation', sql`correlationid = ${'r7'}`] as const,
      ]) {
        const { words, sorts } = await planOf(
          db,
          sql`select * from archive where partition = ${'p0'} and position > ${1} and position <= ${499} and ${condition} order by position limit ${5}`,
        );
        expect(words).toMatch(new RegExp(`USING INDEX archive_${name} |Index Scan (using|on) archive_d0_${name}`));
        // PostgreSQL sorts where it finds no more than a page.
        if (db.engine === 'sqlite') expect(sorts).toBe(false);
      }
    });
  });

  describe('verification', () => {
    beforeEach(async () => {
      await append(
        'p0',
        Array.from({ length: 5 }, (_, index) => event(`v${index}`)),
      );
    });
    const verdict = async (): Promise<unknown> => (await verifyArchive(db)).find(({ partition }) => partition === 'p0');

    it('finds nothing wrong with what was only appended', async () => {
      expect(await verdict()).toEqual({ partition: 'p0', events: 5, ok: true, brokenAt: null });
    });

    it('of the newest alone believes what lies before them', async () => {
      const newest = async (count: number): Promise<unknown> =>
        (await verifyArchive(db, count)).find(({ partition }) => partition === 'p0');
      expect(await newest(2)).toEqual({ partition: 'p0', events: 2, ok: true, brokenAt: null });
      await db.query(sql`update archive set actor = 'admin' where position = 3`);
      expect(await newest(2)).toMatchObject({ ok: true });
      expect(await newest(3)).toEqual({ partition: 'p0', events: 0, ok: false, brokenAt: 3 });
      await db.query(sql`delete from archive where position = 3`);
      expect(await newest(2)).toMatchObject({ ok: false, brokenAt: 3 });
    });

    it.each([
      ['changed data', sql`update archive set data = '{}' where position = 3`, 3],
      ['a changed actor', sql`update archive set actor = 'admin' where position = 3`, 3],
      ['a removed row', sql`delete from archive where position = 3`, 3],
      ['a removed tail', sql`delete from archive where position >= 4`, 4],
      ['a replaced hash', sql`update archive set hash = 'x' where position = 2`, 2],
      ['a moved head', sql`update partitions set hash = 'x' where partition = 'p0'`, 5],
    ])('names the position of %s', async (_, tampering, position) => {
      await db.query(tampering);
      expect(await verdict()).toMatchObject({ ok: false, brokenAt: position });
    });
  });
});

describe('an event for the outside', () => {
  it('is a CloudEvents 1.0 object without empty attributes', () => {
    expect(toCloudEvent({ ...event('a', { time: 0, correlationid: 'r' }), partition: 'p0', position: 7 })).toEqual({
      specversion: '1.0',
      id: 'a',
      source: '/kirogate/nodes/n1',
      type: 'kirogate.token.used',
      subject: 'token/a',
      time: '1970-01-01T00:00:00.000Z',
      datacontenttype: 'application/json',
      dataversion: 1,
      partitionkey: 'a',
      actor: 'key/k',
      correlationid: 'r',
      partition: 'p0',
      sequence: '7',
      data: { n: 1 },
    });
  });
});
