/** The archive: every event for good, in dense positions per partition, each row chained to the one before by a hash. */
import { type Queryable, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
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
  const head = await lockPartition(tx, partition);
  const fresh = await withoutKnown(tx, events);
  const rows: ArchiveRow[] = [];
  let { position, hash } = head;
  for (const event of fresh) {
    position += 1;
    const row = toRow(event, partition, position, hash);
    hash = row.hash;
    rows.push(row);
  }
  if (rows.length === 0) return [];
  await tx.query(sql`insert into archive (${archiveColumnList}) ${rowsOf(tx.engine, archiveColumns, rows)}`);
  await tx.query(sql`update partitions set position = ${position}, hash = ${hash} where partition = ${partition}`);
  return rows.map(fromRow);
}

async function lockPartition(tx: Queryable, partition: string): Promise<PartitionHead> {
  // SQLite's write transactions hold the whole file already.
  const lock = tx.engine === 'postgres' ? sql`for update` : sql``;
  const [head] = await tx.query<PartitionHead>(sql`select position, hash from partitions where partition = ${partition} ${lock}`);
  if (!head) throw new Error(`there is no partition ${partition}`);
  return head;
}

async function withoutKnown(tx: Queryable, events: readonly NewEvent[]): Promise<readonly NewEvent[]> {
  const byId = new Map<string, NewEvent>();
  for (const event of events) {
    const id = storable(event.id);
    if (!byId.has(id)) byId.set(id, event);
  }
  const ids = [...byId.keys()].map((id) => ({ id }));
  const known = await tx.query<{ id: string }>(sql`select id from archive where id in (${rowsOf(tx.engine, { id: 'text' }, ids)})`);
  for (const { id } of known) byId.delete(id);
  return [...byId.values()];
}

/** Events of one partition after a position, in order. */
export async function readPartition(db: Queryable, partition: string, after: number, limit: number): Promise<StoredEvent[]> {
  const rows = await db.query<ArchiveRow>(sql`select ${archiveColumnList} from archive
    where partition = ${partition} and position > ${after} order by position limit ${limit}`);
  return rows.map(fromRow);
}
