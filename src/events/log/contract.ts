/** What every event log must do; each adapter's test runs this suite on its own. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewEvent } from '../define.js';
import { type EventLog, type LogEntry, partitionOf, type Watermark } from './port.js';

export interface LogUnderTest {
  /** With four partitions, and empty. */
  readonly log: EventLog;
  end(): Promise<void>;
}

let minted = 0;

/** A traffic event with an id of its own. */
export function exampleEvent(partitionkey: string, data: unknown = {}): NewEvent {
  minted += 1;
  return {
    id: `00000000-0000-7000-8000-${String(minted).padStart(12, '0')}`,
    type: 'kirogate.token.used',
    source: '/kirogate/nodes/n1',
    subject: `token/${partitionkey}`,
    time: 1_795_392_000_000 + minted,
    data,
    dataversion: 1,
    partitionkey,
    actor: 'key/k',
    correlationid: null,
    causationid: null,
  };
}

/** What ingest would tell the log after archiving these entries. */
export function watermarksOf(entries: readonly LogEntry[]): Watermark[] {
  const byPartition = new Map<string, { partition: string; cursor: string; producers: Map<string, number> }>();
  for (const { partition, cursor, src, n } of entries) {
    const mark = byPartition.get(partition) ?? { partition, cursor, producers: new Map<string, number>() };
    mark.cursor = cursor;
    mark.producers.set(src, Math.max(n, mark.producers.get(src) ?? 0));
    byPartition.set(partition, mark);
  }
  return [...byPartition.values()];
}

export function cursorsOf(entries: readonly LogEntry[]): Map<string, string> {
  return new Map(entries.map(({ partition, cursor }) => [partition, cursor]));
}

export function eventLogContract(open: () => Promise<LogUnderTest>): void {
  let log: EventLog;
  let end: () => Promise<void>;
  beforeEach(async () => {
    ({ log, end } = await open());
  });
  afterEach(() => end());

  const now = { waitMs: 0, lingerMs: 0, limit: 1_000 };
  const start: ReadonlyMap<string, string> = new Map();
  const ids = (entries: readonly LogEntry[]): string[] => entries.map(({ event }) => event.id);

  it('has the partitions it was opened with', () => {
    expect(log.partitions).toEqual(['p0', 'p1', 'p2', 'p3']);
  });

  it('gives back the event as it was appended, in the partition of its key', async () => {
    const event = exampleEvent('token-1', { usage: { inputTokens: 3 }, text: 'ü🙂', none: null });
    await log.append(event);
    expect(await log.read(start, now)).toMatchObject([{ partition: partitionOf('token-1', 4), n: 1, event }]);
  });

  it('numbers what a run appends per partition, without a hole', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, index) => log.append(exampleEvent(`key-${index}`))));
    const entries = await log.read(start, now);
    for (const partition of log.partitions) {
      const mine = entries.filter((entry) => entry.partition === partition);
      expect(mine.map(({ n }) => n)).toEqual(mine.map((_, index) => index + 1));
    }
    expect(new Set(entries.map(({ src }) => src)).size).toBe(1);
  });

  it('keeps the order of calls for each key', async () => {
    const events = Array.from({ length: 60 }, (_, index) => exampleEvent(`key-${index % 3}`));
    await Promise.all(events.map((event) => log.append(event)));
    const entries = await log.read(start, now);
    for (const key of ['key-0', 'key-1', 'key-2']) {
      expect(ids(entries).filter((id) => events.find((event) => event.id === id)?.partitionkey === key)).toEqual(
        events.filter((event) => event.partitionkey === key).map(({ id }) => id),
      );
    }
  });

  it('offers entries again until a reader asks behind them', async () => {
    await log.append(exampleEvent('a'));
    const first = await log.read(start, now);
    expect(ids(await log.read(start, now))).toEqual(ids(first));
    expect(await log.read(cursorsOf(first), now)).toEqual([]);
  });

  it('gives at most the limit, and the rest next time', async () => {
    const events = Array.from({ length: 10 }, () => exampleEvent('a'));
    for (const event of events) await log.append(event);
    const first = await log.read(start, { ...now, limit: 6 });
    const second = await log.read(cursorsOf(first), { ...now, limit: 6 });
    expect([...ids(first), ...ids(second)]).toEqual(events.map(({ id }) => id));
  });

  it('gives only entries of the partitions asked for', async () => {
    const events = Array.from({ length: 40 }, (_, index) => exampleEvent(`key-${index}`));
    await Promise.all(events.map((event) => log.append(event)));
    const partitions = ['p1', 'p3'];
    const wanted = events.filter((event) => partitions.includes(partitionOf(event.partitionkey, 4)));
    expect(ids(await log.read(start, { ...now, partitions })).sort()).toEqual(wanted.map(({ id }) => id).sort());
    expect(await log.read(start, { ...now, waitMs: 5, partitions: [] })).toEqual([]);
  });

  it('lets a reader wait for the first entry', async () => {
    const reading = log.read(start, { limit: 10, waitMs: 20_000, lingerMs: 0 });
    const event = exampleEvent('a');
    await log.append(event);
    expect(ids(await reading)).toEqual([event.id]);
  });

  it('answers none when nothing came', async () => {
    expect(await log.read(start, { limit: 10, waitMs: 5, lingerMs: 0 })).toEqual([]);
  });

  it('lingers no longer once enough are there, though more would fit', async () => {
    const reading = log.read(start, { limit: 1_000, enough: 3, waitMs: 20_000, lingerMs: 20_000 });
    for (let index = 0; index < 3; index += 1) await log.append(exampleEvent(`key-${index}`));
    expect((await reading).length).toBeGreaterThanOrEqual(3);
  });

  it('lingers for more, and no longer once the limit is there', async () => {
    const reading = log.read(start, { limit: 3, waitMs: 20_000, lingerMs: 20_000 });
    for (let index = 0; index < 3; index += 1) await log.append(exampleEvent(`key-${index}`));
    expect(await reading).toHaveLength(3);
  });

  it('gives what is there when lingering brought nothing more', async () => {
    await log.append(exampleEvent('a'));
    expect(await log.read(start, { limit: 3, waitMs: 0, lingerMs: 5 })).toHaveLength(1);
  });

  it('reads from the first entry held for a cursor that it does not know', async () => {
    await log.append(exampleEvent('a'));
    const foreign = new Map(log.partitions.map((partition) => [partition, 'of-another-run:77']));
    expect(await log.read(foreign, now)).toHaveLength(1);
  });

  it('counts what is not archived, and forgets what is', async () => {
    for (let index = 0; index < 5; index += 1) await log.append(exampleEvent('a', { filler: 'x'.repeat(100) }));
    expect(log.backlog().events).toBe(5);
    expect(log.backlog().bytes).toBeGreaterThan(500);
    const entries = await log.read(start, { ...now, limit: 3 });
    await log.archived(watermarksOf(entries));
    await log.archived(watermarksOf(entries));
    expect(log.backlog().events).toBe(2);
    expect(ids(await log.read(start, now))).not.toContain(entries[0]?.event.id);
    await log.archived(watermarksOf(await log.read(start, now)));
    expect(log.backlog()).toEqual({ events: 0, bytes: 0 });
  });

  it('ends waiting readers when it closes, closes twice, and then refuses', async () => {
    const reading = log.read(start, { limit: 10, waitMs: 20_000, lingerMs: 0 });
    await Promise.all([log.close(), log.close()]);
    expect(await reading).toEqual([]);
    await expect(log.append(exampleEvent('a'))).rejects.toMatchObject({ code: 'storage_unavailable' });
  });

  describe('over any history', () => {
    it('hands every event to a reader exactly once and in order, however appends, reads and progress interleave', async () => {
      const step = fc.oneof(
        fc.record({ kind: fc.constant('append' as const), key: fc.integer({ min: 0, max: 9 }), count: fc.integer({ min: 1, max: 5 }) }),
        fc.record({ kind: fc.constant('read' as const), limit: fc.integer({ min: 1, max: 8 }), archive: fc.boolean() }),
      );
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          run += 1;
          const appended: NewEvent[] = [];
          const seen: LogEntry[] = [];
          const cursors = new Map<string, string>();
          // What the runs before this one left is archived first.
          await log.archived(watermarksOf(await log.read(start, now)));
          const read = async (limit: number): Promise<LogEntry[]> => {
            const entries = await log.read(cursors, { ...now, limit });
            for (const [partition, cursor] of cursorsOf(entries)) cursors.set(partition, cursor);
            seen.push(...entries);
            return entries;
          };
          for (const each of steps) {
            if (each.kind === 'append') {
              const events = Array.from({ length: each.count }, () => exampleEvent(`${run}-${each.key}`));
              appended.push(...events);
              await Promise.all(events.map((event) => log.append(event)));
            } else {
              const entries = await read(each.limit);
              if (each.archive) await log.archived(watermarksOf(entries));
            }
          }
          while ((await read(50)).length > 0);
          const byPartition = (list: readonly NewEvent[]): string[][] =>
            log.partitions.map((partition) => list.filter((event) => partitionOf(event.partitionkey, 4) === partition).map(({ id }) => id));
          expect(byPartition(seen.map(({ event }) => event))).toEqual(byPartition(appended));
        }),
        { numRuns: 30 },
      );
    });
  });
}
