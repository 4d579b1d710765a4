/** The archive: every event for good, in dense positions per partition, each row chained to the one before by a hash. */
import { DatabaseError, isUniqueViolation } from '../infra/database/errors.js';
import { forUpdate, type Queryable, sql } from '../infra/database/port.js';
import { insertRows, rowsOf } from '../infra/database/rows.js';
import { dayOf, daysAfter, daysOf, inDays, makeDays, noteSpans } from './archiveDays.js';
import type { PartitionHead } from './archiveHeads.js';
import { type ArchiveRow, archiveColumnList, archiveColumns, fromRow, type Rendered, storable, toRow, withData } from './archiveRow.js';
import { CONTROL_PARTITION, type NewEvent, type StoredEvent } from './define.js';

export { type ArchiveQuery, headCursor, readArchive } from './archiveFeed.js';
export { partitionHeads } from './archiveHeads.js';
export { type PartitionVerdict, verifyArchive } from './archiveVerify.js';
export { toCloudEvent } from './cloudEvent.js';

/**
 * Appends within the caller's transaction; the partition stays locked until that ends, so positions are
 * committed in their order. Events whose id the archive has (in any partition), or that the batch repeats,
 * are dropped. Answers those appended, as every later reader will see them; the others were duplicates.
 */
export function appendToArchive(tx: Queryable, partition: string, events: readonly NewEvent[]): Promise<StoredEvent[]> {
  return appendToPartitions(tx, [[partition, events]]);
}

/** The same for several partitions at once, in one statement of each kind; in the order given. */
export async function appendToPartitions(
  tx: Queryable,
  parts: readonly (readonly [partition: string, events: readonly NewEvent[]])[],
): Promise<StoredEvent[]> {
  const events = parts.flatMap(([, list]) => list);
  if (events.length === 0) return [];
  const places = await lockPlaces(
    tx,
    parts.map(([partition]) => partition),
    events,
  );
  const placed = place(
    places,
    parts.map(([partition, list]) => [partition, list.map((event) => ({ event }))]),
  );
  await write(tx, placed);
  return placed.stored;
}

/** Where a partition stands, its row locked by the caller's transaction. */
export interface LockedHead extends PartitionHead {
  /** Where ingest goes on in the event log. */
  readonly logCursor: string | null;
}

/** What an append needs to know first. */
export interface Places {
  readonly heads: ReadonlyMap<string, LockedHead>;
  /** Of the ids asked for those that the archive has. */
  readonly known: ReadonlySet<string>;
}

/** Locks the partitions, makes room for the events' days and looks up their ids: statements that are under way together. */
export async function lockPlaces(tx: Queryable, partitions: readonly string[], events: readonly NewEvent[]): Promise<Places> {
  const ids = [...new Set(events.map(({ id }) => storable(id)))];
  const days = daysOf(ids);
  const [heads, , known] = await Promise.all([lockHeads(tx, partitions), makeDays(tx, days), knownOf(tx, ids, days)]);
  return { heads, known };
}

export interface Placed {
  /** Those to append, as every later reader will see them; the others were duplicates. */
  readonly stored: StoredEvent[];
  readonly rows: readonly ArchiveRow[];
  readonly heads: readonly { readonly partition: string; readonly position: number; readonly hash: string }[];
}

/** Gives positions and hashes, in the order given. Events that `places` knows, or that come twice, are left out. */
export function place({ heads, known }: Places, parts: readonly (readonly [partition: string, events: readonly Rendered[]])[]): Placed {
  const stored: StoredEvent[] = [];
  const rows: ArchiveRow[] = [];
  const moved: { partition: string; position: number; hash: string }[] = [];
  const seen = new Set<string>();
  for (const [partition, list] of parts) {
    const head = heads.get(partition);
    if (!head) throw new Error(`there is no partition ${partition}`);
    let { position, hash } = head;
    for (const each of list) {
      const id = storable(each.event.id);
      if (known.has(id) || seen.has(id)) continue;
      seen.add(id);
      position += 1;
      const row = toRow(each, partition, position, hash);
      hash = row.hash;
      rows.push(row);
      stored.push(each.json === undefined ? fromRow(row) : withData(row, each.event.data));
    }
    if (position > head.position) moved.push({ partition, position, hash });
  }
  return { stored, rows, heads: moved };
}

/** Writes what was placed, and where ingest stands in the log afterwards (`cursors`, by partition). */
export async function write(tx: Queryable, { rows, heads }: Placed, cursors: ReadonlyMap<string, string> = new Map()): Promise<void> {
  const writing: Promise<unknown>[] = rows.length === 0 ? [] : [insertEvents(tx, rows), noteSpans(tx, rows)];
  const moved = new Map(heads.map((head) => [head.partition, head]));
  const names = [...new Set([...moved.keys(), ...cursors.keys()])];
  const columns = { name: 'text', position: 'bigint', hash: 'text', cursor: 'text' } as const;
  const marks = names.map((name) => ({
    name,
    position: moved.get(name)?.position ?? null,
    hash: moved.get(name)?.hash ?? null,
    cursor: cursors.get(name) ?? null,
  }));
  if (marks.length > 0)
    writing.push(
      tx.query(sql`update partitions as t set position = coalesce(r.position, t.position), hash = coalesce(r.hash, t.hash),
        log_cursor = coalesce(r.cursor, t.log_cursor) from (${rowsOf(tx.engine, columns, marks)}) as r where t.partition = r.name`),
    );
  for (const result of await Promise.allSettled(writing)) if (result.status === 'rejected') throw result.reason;
}

async function insertEvents(tx: Queryable, rows: readonly ArchiveRow[]): Promise<void> {
  try {
    if (tx.engine === 'sqlite') await insertRows(tx, sql`insert into archive (${archiveColumnList})`, archiveColumns, rows);
    else {
      // In the order of ids: two transactions with the same events wait for each other in one order, never in a circle.
      const placed = rows.map((row) => ({ day: dayOf(row.id), ...row })).sort((a, b) => (a.id < b.id ? -1 : 1));
      await insertRows(tx, sql`insert into archive (day, ${archiveColumnList})`, { day: 'bigint', ...archiveColumns }, placed);
    }
  } catch (error) {
    // Two transactions that hold different partitions: the later one finds the event when it tries again.
    if (!isUniqueViolation(error)) throw error;
    throw new DatabaseError('busy', 'another transaction archived one of these events at the same moment', { cause: error });
  }
}

/** In one order for all, `control` last, so that nobody waits in a circle. */
async function lockHeads(tx: Queryable, names: readonly string[]): Promise<ReadonlyMap<string, LockedHead>> {
  const wanted = names.map((partition) => ({ partition }));
  const rows = await tx.query<PartitionHead & { partition: string; log_cursor: string | null }>(sql`
    select partition, position, hash, log_cursor from partitions
    where partition in (${rowsOf(tx.engine, { partition: 'text' }, wanted)})
    order by case when partition = ${CONTROL_PARTITION} then 1 else 0 end, partition ${forUpdate(tx.engine)}`);
  return new Map(rows.map(({ partition, position, hash, log_cursor }) => [partition, { position, hash, logCursor: log_cursor }]));
}

/** Those of the ids that the archive has. */
async function knownOf(tx: Queryable, ids: readonly string[], days: readonly number[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const wanted = rowsOf(
    tx.engine,
    { id: 'text' },
    ids.map((id) => ({ id })),
  );
  const known = await tx.query<{ id: string }>(
    tx.engine === 'sqlite'
      ? sql`select id from archive where id in (${wanted})`
      : // One by one, by the key: of a day that was never analysed, as all are that one transaction fills, PostgreSQL would read all rows.
        sql`select a.id as id from (${wanted}) as w
          cross join lateral (select id from archive where ${inDays(tx, days)} and id = w.id limit 1) as a`,
  );
  return new Set(known.map(({ id }) => id));
}

/** Events of one partition after a position, in order. */
export async function readPartition(db: Queryable, partition: string, after: number, limit: number): Promise<StoredEvent[]> {
  const days = await daysAfter(db, partition, after, limit);
  if (db.engine === 'postgres' && days.length === 0) return [];
  const rows = await db.query<ArchiveRow>(sql`select ${archiveColumnList} from archive
    where partition = ${partition} and position > ${after} and ${inDays(db, days)} order by position limit ${limit}`);
  return rows.map(fromRow);
}
