/** The archive: every event for good, in dense positions per partition, each row chained to the one before by a hash. */
import { DatabaseError, isUniqueViolation } from '../infra/database/errors.js';
import { forUpdate, type Queryable, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { dayOf, daysAfter, daysOf, inDays, makeDays, noteSpans } from './archiveDays.js';
import type { PartitionHead } from './archiveHeads.js';
import { type ArchiveRow, archiveColumnList, archiveColumns, fromRow, storable, toRow } from './archiveRow.js';
import type { NewEvent, StoredEvent } from './define.js';

export { type ArchiveQuery, headCursor, readArchive } from './archiveFeed.js';
export { partitionHeads } from './archiveHeads.js';
export { type PartitionVerdict, verifyArchive } from './archiveVerify.js';
export { toCloudEvent } from './cloudEvent.js';

/**
 * Appends within the caller's transaction; the partition stays locked until that ends, so positions are
 * committed in their order. Events whose id the archive has (in any partition), or that the batch repeats,
 * are dropped. Answers those appended, as every later reader will see them; the others were duplicates.
 */
export async function appendToArchive(tx: Queryable, partition: string, events: readonly NewEvent[]): Promise<StoredEvent[]> {
  if (events.length === 0) return [];
  const days = daysOf(events.map(({ id }) => storable(id)));
  const [head] = await Promise.all([lockPartition(tx, partition), makeDays(tx, days)]);
  const fresh = await withoutKnown(tx, events, days);
  const rows: ArchiveRow[] = [];
  let { position, hash } = head;
  for (const event of fresh) {
    position += 1;
    const row = toRow(event, partition, position, hash);
    hash = row.hash;
    rows.push(row);
  }
  if (rows.length === 0) return [];
  await Promise.all([
    insertRows(tx, rows),
    noteSpans(tx, partition, rows),
    tx.query(sql`update partitions set position = ${position}, hash = ${hash} where partition = ${partition}`),
  ]);
  return rows.map(fromRow);
}

async function insertRows(tx: Queryable, rows: readonly ArchiveRow[]): Promise<void> {
  try {
    if (tx.engine === 'sqlite') await tx.query(sql`insert into archive (${archiveColumnList}) ${rowsOf(tx.engine, archiveColumns, rows)}`);
    else {
      const placed = rows.map((row) => ({ day: dayOf(row.id), ...row }));
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

async function lockPartition(tx: Queryable, partition: string): Promise<PartitionHead> {
  const [head] = await tx.query<PartitionHead>(
    sql`select position, hash from partitions where partition = ${partition} ${forUpdate(tx.engine)}`,
  );
  if (!head) throw new Error(`there is no partition ${partition}`);
  return head;
}

async function withoutKnown(tx: Queryable, events: readonly NewEvent[], days: readonly number[]): Promise<readonly NewEvent[]> {
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
  return [...byId.values()];
}

/** Events of one partition after a position, in order. */
export async function readPartition(db: Queryable, partition: string, after: number, limit: number): Promise<StoredEvent[]> {
  const days = await daysAfter(db, partition, after, limit);
  if (db.engine === 'postgres' && days.length === 0) return [];
  const rows = await db.query<ArchiveRow>(sql`select ${archiveColumnList} from archive
    where partition = ${partition} and position > ${after} and ${inDays(db, days)} order by position limit ${limit}`);
  return rows.map(fromRow);
}
