/** One batch of log entries becomes archive and read models, in one transaction: all of it, once, or nothing. */
import { appendToArchive, lockPlaces, type Places, place, write } from '../../events/archive.js';
import { CONTROL_PARTITION, type NewEvent, type StoredEvent } from '../../events/define.js';
import { eventType } from '../../events/index.js';
import type { LogEntry, Watermark } from '../../events/log/port.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { rowsOf } from '../../infra/database/rows.js';
import type { Projection } from '../define.js';
import { allDone } from './allDone.js';
import type { Applied } from './apply.js';
import { unreadable } from './decode.js';
import type { Poison } from './fold.js';
import { applyLive, Behind, OtherVersion, readStanding } from './live.js';
import { guardLocks } from './locks.js';
import { park } from './parked.js';

/** Another process has gone on in these partitions: nothing was written, the cursors have to be read again. */
export class Overtaken extends Error {
  override readonly name = 'Overtaken';

  constructor(readonly partitions: readonly string[]) {
    super(`another process has archived further in ${partitions.join(', ')}`);
  }
}

/** Is the error about who else archives, or which build, and not about the events? */
export function isOfThePlace(error: unknown): boolean {
  return error instanceof Overtaken || error instanceof Behind || error instanceof OtherVersion;
}

export interface BatchResult extends Applied {
  readonly watermarks: readonly Watermark[];
  readonly archived: number;
  readonly duplicates: number;
}

export interface BatchOptions {
  readonly projections: readonly Projection[];
  readonly careful: boolean;
  /** ms since epoch */
  readonly now: number;
  /** Makes the event that tells of a parked one. */
  readonly parkedEvent: (poison: Poison) => NewEvent;
}

/** `cursors`: where this process believes each partition of the log stands in the archive. Throws Overtaken. */
export async function ingestBatch(
  tx: Queryable,
  entries: readonly LogEntry[],
  cursors: ReadonlyMap<string, string>,
  options: BatchOptions,
): Promise<BatchResult> {
  const watermarks = watermarksOf(entries);
  const partitions = watermarks.map(({ partition }) => partition);
  const events = entries.map(({ event }) => event);
  // One round trip: the guard and the locks come first, so that the rest sees what those before have committed.
  const [, places, known, standing] = await allDone([
    guardLocks(tx),
    lockPlaces(tx, partitions, events),
    knownProducers(tx, entries),
    readStanding(tx, partitions),
  ]);
  claim(partitions, places, cursors);
  const placed = place(places, byPartition(withoutKnown(entries, known)));
  const { stored } = placed;
  const writing = allDone([
    write(tx, placed, new Map(watermarks.map(({ partition, cursor }) => [partition, cursor]))),
    rememberProducers(tx, watermarks, options.now),
  ]);
  if (options.careful) await writing;
  // The archive is written while the read models are folded.
  const [, applied] = await allDone([writing, applyLive(tx, stored, { ...options, standing })]);
  const strange = strangeOf(stored);
  await park(tx, strange, options.now);
  const parked = [...strange, ...applied.parked];
  await tellOfParked(tx, parked, options);
  return { ...applied, parked, watermarks, archived: stored.length, duplicates: entries.length - stored.length };
}

/** Compare and set: whoever expects another cursor than the stored one has been overtaken. */
function claim(partitions: readonly string[], { heads }: Places, cursors: ReadonlyMap<string, string>): void {
  const lost = partitions.filter((partition) => (heads.get(partition)?.logCursor ?? null) !== (cursors.get(partition) ?? null));
  if (lost.length > 0) throw new Overtaken(lost);
}

/** In the order of partitions: two processes lock in the same one. */
function watermarksOf(entries: readonly LogEntry[]): Watermark[] {
  const found = new Map<string, { cursor: string; producers: Map<string, number> }>();
  for (const { partition, cursor, src, n } of entries) {
    const known = found.get(partition) ?? { cursor, producers: new Map<string, number>() };
    known.cursor = cursor;
    known.producers.set(src, Math.max(known.producers.get(src) ?? 0, n));
    found.set(partition, known);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([partition, { cursor, producers }]) => ({ partition, cursor, producers }));
}

/** The highest archived counter of each producer of these entries, by partition and run. */
async function knownProducers(tx: Queryable, entries: readonly LogEntry[]): Promise<Map<string, number>> {
  const pairs = new Map(entries.map(({ partition, src }) => [`${partition} ${src}`, { partition, src }]));
  const known = await tx.query<{ partition: string; src: string; n: number }>(
    sql`select p.partition, p.src, p.n from producers as p join (${rowsOf(tx.engine, { partition: 'text', src: 'text' }, [...pairs.values()])}) as r
      on p.partition = r.partition and p.src = r.src`,
  );
  return new Map(known.map(({ partition, src, n }) => [`${partition} ${src}`, n]));
}

/** A producer that did not hear our answer sends again under the same numbers. */
function withoutKnown(entries: readonly LogEntry[], upTo: Map<string, number>): readonly LogEntry[] {
  return entries.filter(({ partition, src, n }) => {
    const key = `${partition} ${src}`;
    if (n <= (upTo.get(key) ?? 0)) return false;
    upTo.set(key, n);
    return true;
  });
}

function byPartition(entries: readonly LogEntry[]): [string, LogEntry[]][] {
  const found = new Map<string, LogEntry[]>();
  for (const entry of entries) {
    const list = found.get(entry.partition);
    if (list) list.push(entry);
    else found.set(entry.partition, [entry]);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function rememberProducers(tx: Queryable, watermarks: readonly Watermark[], now: number): Promise<void> {
  const columns = { partition: 'text', src: 'text', n: 'bigint', updated_at: 'bigint' } as const;
  const rows = watermarks.flatMap(({ partition, producers }) => [...producers].map(([src, n]) => ({ partition, src, n, updated_at: now })));
  await tx.query(sql`insert into producers (partition, src, n, updated_at) ${rowsOf(tx.engine, columns, rows)}
    on conflict (partition, src) do update set n = case when excluded.n > producers.n then excluded.n else producers.n end, updated_at = excluded.updated_at`);
}

/** Runs that have been silent for a month send no more; their ids would still be refused by the archive. */
const FORGET_PRODUCERS_MS = 30 * 86_400_000;

/** Now and then: what is left of runs long gone. `now` in ms since epoch. */
export async function forgetProducers(db: Queryable, now: number): Promise<void> {
  await db.query(sql`delete from producers where updated_at < ${now - FORGET_PRODUCERS_MS}`);
}

/** Where an entry of the log names no type that any projection takes: it is parked all the same, under this name. */
const unread: Projection = {
  name: 'event-log',
  version: 1,
  tables: [],
  types: [],
  start: () => null,
  fold: () => undefined,
  flush: () => Promise.resolve(),
};

/** What the log could not read, of types that this code does not know: otherwise nobody would be told. */
function strangeOf(stored: readonly StoredEvent[]): Poison[] {
  return stored.flatMap((event) => {
    const fault = eventType(event.type) === undefined ? unreadable(event) : null;
    return fault === null ? [] : [{ projection: unread, event, ...fault }];
  });
}

/** Parking is itself an event, so that nobody has to look for it. */
async function tellOfParked(tx: Queryable, parked: readonly Poison[], options: BatchOptions): Promise<void> {
  if (parked.length === 0) return;
  const told = await appendToArchive(tx, CONTROL_PARTITION, parked.map(options.parkedEvent));
  await applyLive(tx, told, { projections: options.projections, now: options.now });
}
