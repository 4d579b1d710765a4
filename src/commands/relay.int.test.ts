/** The relay between a real archive and a stream that takes each position once, in order, and may forget. */
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../tests/support/until.js';
import { appendToArchive } from '../events/archive.js';
import { CONTROL_PARTITION, type StoredEvent } from '../events/define.js';
import type { Database } from '../infra/database/port.js';
import { eventOf, MONDAY } from '../projections/testing/events.js';
import { openStore } from '../projections/testing/store.js';
import { type Relay, startRelay } from './relay.js';

const HOUR = 3_600_000;

/** As the append script does it: nothing twice, nothing behind a gap. */
function fakeStream() {
  const stream = {
    entries: [] as StoredEvent[],
    known: 0,
    calls: 0,
    largest: 0,
    down: false,
    relayControl: async (events: readonly StoredEvent[], { anew = false } = {}) => {
      stream.calls += 1;
      stream.largest = Math.max(stream.largest, events.length);
      if (stream.down) throw new Error('Redis is away');
      for (const event of events) {
        if (event.position !== stream.known + 1 && !(anew && stream.known === 0)) continue;
        stream.known = event.position;
        stream.entries.push(event);
      }
      return stream.known;
    },
  };
  return stream;
}

let db: Database;
let stream: ReturnType<typeof fakeStream>;
let lines: string[];
const relays: Relay[] = [];
const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) });

beforeEach(async () => {
  db = await openStore();
  stream = fakeStream();
  lines = [];
});
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.close()));
  await db.close();
});

const archive = (count: number, time = MONDAY): Promise<unknown> =>
  db.tx((tx) =>
    appendToArchive(
      tx,
      CONTROL_PARTITION,
      Array.from({ length: count }, () => eventOf('kirogate.user.banned', { time })),
    ),
  );
const start = (intervalMs = 60_000): Relay => {
  const clock = { now: () => MONDAY + HOUR, monotonic: () => performance.now() };
  const relay = startRelay({ db, relayControl: stream.relayControl, clock, logger, retentionMs: 24 * HOUR, intervalMs });
  relays.push(relay);
  return relay;
};
const positions = (): number[] => stream.entries.map(({ position }) => position);
const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const reached = (position: number): Promise<true> => until(`position ${position}`, () => (stream.known === position ? true : undefined));

describe('the relay', () => {
  test('brings every control event to the stream once and in order, however many nodes relay', async () => {
    const nodes = [start(), start(), start()];
    for (let round = 1; round <= 5; round += 1) {
      await archive(3);
      for (const relay of nodes) relay.wake();
    }
    await reached(15);
    expect(positions()).toEqual(upTo(15));
  });

  test('looks by itself once in a while, for what others archived', async () => {
    start(10);
    await archive(2);
    await reached(2);
  });

  test('catches up in bounded pages after Redis was away, and says so once', async () => {
    stream.down = true;
    start(5);
    await until('a few failures', () => (stream.calls > 3 ? true : undefined));
    await archive(1_000);
    stream.down = false;
    await reached(1_000);
    expect(positions()).toEqual(upTo(1_000));
    expect(stream.largest).toBeLessThanOrEqual(200);
    await until('the word', () => (lines.length === 2 ? true : undefined));
    expect(lines).toEqual([
      'control events cannot be brought to the stream; nodes follow the database, consumers wait',
      'control events reach the stream again',
    ]);
  });

  test('goes on from where a stream stands that has rolled back', async () => {
    await archive(10);
    const relay = start();
    relay.wake();
    await reached(10);
    stream.entries.splice(6);
    stream.known = 6;
    relay.wake();
    await reached(10);
    expect(positions()).toEqual(upTo(10));
  });

  test('gives an empty stream what it would still keep, and an archive without any nothing', async () => {
    await archive(4, MONDAY - 48 * HOUR);
    const relay = start();
    relay.wake();
    await until('a look', () => (stream.calls > 0 ? true : undefined));
    await archive(3);
    relay.wake();
    await reached(7);
    expect(positions()).toEqual([5, 6, 7]);
  });
});
