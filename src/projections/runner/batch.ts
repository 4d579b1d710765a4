/** One batch of log entries becomes archive and read models, in one transaction: all of it, once, or nothing. */
import { appendToArchive, appendToPartitions } from '../../events/archive.js';
import { CONTROL_PARTITION, type NewEvent, type StoredEvent } from '../../events/define.js';
import { eventType } from '../../events/index.js';
import type { LogEntry, Watermark } from '../../events/log/port.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { rowsOf } from '../../infra/database/rows.js';
import type { Projection } from '../define.js';
import type { Applied } from './apply.js';
import { unreadable } from './decode.js';
import type { Poison } from './fold.js';
import { applyLive, Behind, OtherVersion } from './live.js';
import { lockPartitions } from './locks.js';
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
  await claim(tx, watermarks, cursors);
  const fresh = await withoutKnown(tx, entries);
  const stored = await appendToPartitions(tx, byPartition(fresh));
  const applied = await applyLive(tx, stored, options);
  const strange = strangeOf(stored);
  await park(tx, strange, options.now);
  const parked = [...strange, ...applied.parked];
  await tellOfParked(tx, parked, options);
  await rememberProducers(tx, watermarks, options.now);
  return { ...applied, parked, watermarks, archived: stored.length, duplicates: entries.length - stored.length };
}

/** Compare and set: whoever expects another cursor than the stored one has been overtaken. */
async function claim(tx: Queryable, watermarks: readonly Watermark[], cursors: ReadonlyMap<string, string>): Promise<void> {
  const partitions = watermarks.map(({ partition }) => partition);
  const stored = await lockPartitions(tx, partitions);
  const lost = partitions.filter((partition) => stored.get(partition) !== (cursors.get(partition) ?? null));
  if (lost.length > 0) throw new Overtaken(lost);
  const rows = rowsOf(
    tx.engine,
    { name: 'text', cursor: 'text' },
    watermarks.map(({ partition, cursor }) => ({ name: partition, cursor })),
  );
  await tx.query(sql`update partitions as t set log_cursor = r.cursor from (${rows}) as r where t.partition = r.name`);
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

/** A producer that did not hear our answer sends again under the same numbers. */
async function withoutKnown(tx: Queryable, entries: readonly LogEntry[]): Promise<readonly LogEntry[]> {
  const pairs = new Map(entries.map(({ partition, src }) => [`${partition} ${src}`, { partition, src }]));
  const known = await tx.query<{ partition: string; src: string; n: number }>(
    sql`select p.partition, p.src, p.n from producers as p join (${rowsOf(tx.engine, { partition: 'text', src: 'text' }, [...pairs.values()])}) as r
      on p.partition = r.partition and p.src = r.src`,
  );
  const upTo = new Map(known.map(({ partition, src, n }) => [`${partition} ${src}`, n]));
  return entries.filter(({ partition, src, n }) => {
    const key = `${partition} ${src}`;
    if (n <= (upTo.get(key) ?? 0)) return false;
    upTo.set(key, n);
    return true;
  });
}

/** An id that comes twice, in whichever partitions, is one event: the archive refuses what it has only once it has it. */
function byPartition(entries: readonly LogEntry[]): [string, NewEvent[]][] {
  const found = new Map<string, NewEvent[]>();
  const seen = new Set<string>();
  for (const { partition, event } of entries) {
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    const list = found.get(partition);
    if (list) list.push(event);
    else found.set(partition, [event]);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Runs that have been silent for a month send no more; their ids would still be refused by the archive. */
const FORGET_PRODUCERS_MS = 30 * 86_400_000;

async function rememberProducers(tx: Queryable, watermarks: readonly Watermark[], now: number): Promise<void> {
  const columns = { partition: 'text', src: 'text', n: 'bigint', updated_at: 'bigint' } as const;
  const rows = watermarks.flatMap(({ partition, producers }) => [...producers].map(([src, n]) => ({ partition, src, n, updated_at: now })));
  await tx.query(sql`insert into producers (partition, src, n, updated_at) ${rowsOf(tx.engine, columns, rows)}
    on conflict (partition, src) do update set n = case when excluded.n > producers.n then excluded.n else producers.n end, updated_at = excluded.updated_at`);
  for (const { partition } of watermarks) {
    await tx.query(sql`delete from producers where partition = ${partition} and updated_at < ${now - FORGET_PRODUCERS_MS}`);
  }
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
