/** The archive: every event for good, in dense positions per partition, each row chained to the one before by a hash. */
import { DatabaseError, isUniqueViolation } from '../infra/database/errors.js';
import { forUpdate, type Queryable, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { dayOf, daysAfter, daysOf, inDays, makeDays, noteSpans } from './archiveDays.js';
import type { PartitionHead } from './archiveHeads.js';
import { type ArchiveRow, archiveColumnList, archiveColumns, fromRow, storable, toRow } from './archiveRow.js';
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
  const days = daysOf(events.map(({ id }) => storable(id)));
  const names = parts.map(([partition]) => partition);
  const [heads] = await Promise.all([lockPartitions(tx, names), makeDays(tx, days)]);
  const fresh = await withoutKnown(tx, events, days);
  const rows: ArchiveRow[] = [];
  const moved: { partition: string; position: number; hash: string }[] = [];
  for (const [partition, list] of parts) {
    const head = heads.get(partition);
    if (!head) throw new Error(`there is no partition ${partition}`);
    let { position, hash } = head;
    for (const event of list) {
      if (!fresh.has(event)) continue;
      position += 1;
      const row = toRow(event, partition, position, hash);
      hash = row.hash;
      rows.push(row);
    }
    if (position > head.position) moved.push({ partition, position, hash });
  }
  if (rows.length === 0) return [];
  await Promise.all([insertRows(tx, rows), noteSpans(tx, rows), moveHeads(tx, moved)]);
  return rows.map(fromRow);
}

async function moveHeads(tx: Queryable, moved: readonly object[]): Promise<void> {
  const columns = { partition: 'text', position: 'bigint', hash: 'text' } as const;
  await tx.query(sql`update partitions as t set position = r.position, hash = r.hash
    from (${rowsOf(tx.engine, columns, moved)}) as r where t.partition = r.partition`);
}

async function insertRows(tx: Queryable, rows: readonly ArchiveRow[]): Promise<void> {
  try {
    if (tx.engine === 'sqlite') await tx.query(sql`insert into archive (${archiveColumnList}) ${rowsOf(tx.engine, archiveColumns, rows)}`);
    else {
      // In the order of ids: two transactions with the same events wait for each other in one order, never in a circle.
      const placed = rows.map((row) => ({ day: dayOf(row.id), ...row })).sort((a, b) => (a.id < b.id ? -1 : 1));
      await tx.query(
        sql`insert into archive (day, ${archiveColumnList}) ${rowsOf(tx.engine, { day: 'bigint', ...archiveColumns }, placed)}`,
      );
    }
  } catch (error) {
    // Two transactions that hold different partitions: the later one finds the event when it tries again.
    if (!isUniqueViolation(error)) throw error;
    throw new DatabaseError('busy', 'another transaction archived one of these events at the same moment', { cause: error });
  }
}

/** In one order for all, `control` last, so that nobody waits in a circle. */
async function lockPartitions(tx: Queryable, names: readonly string[]): Promise<ReadonlyMap<string, PartitionHead>> {
  const wanted = names.map((partition) => ({ partition }));
  const rows = await tx.query<PartitionHead & { partition: string }>(sql`select partition, position, hash from partitions
    where partition in (${rowsOf(tx.engine, { partition: 'text' }, wanted)})
    order by case when partition = ${CONTROL_PARTITION} then 1 else 0 end, partition ${forUpdate(tx.engine)}`);
  return new Map(rows.map(({ partition, position, hash }) => [partition, { position, hash }]));
}

/** Those that the archive does not have; of several with one id the first. */
async function withoutKnown(tx: Queryable, events: readonly NewEvent[], days: readonly number[]): Promise<ReadonlySet<NewEvent>> {
  const byId = new Map<string, NewEvent>();
  for (const event of events) {
    const id = storable(event.id);
    if (!byId.has(id)) byId.set(id, event);
  }
  const ids = [...byId.keys()].map((id) => ({ id }));
  const known = await tx.query<{ id: string }>(
    sql`select id from archive where ${inDays(tx, days)} and id in (${rowsOf(tx.engine, { id: 'text' }, ids)})`,
  );
  for (const { id } of known) byId.delete(id);
  return new Set(byId.values());
}

/** Events of one partition after a position, in order. */
export async function readPartition(db: Queryable, partition: string, after: number, limit: number): Promise<StoredEvent[]> {
  const days = await daysAfter(db, partition, after, limit);
  if (db.engine === 'postgres' && days.length === 0) return [];
  const rows = await db.query<ArchiveRow>(sql`select ${archiveColumnList} from archive
    where partition = ${partition} and position > ${after} and ${inDays(db, days)} order by position limit ${limit}`);
  return rows.map(fromRow);
}
