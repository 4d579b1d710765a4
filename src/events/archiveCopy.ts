/** Takes the archive out and puts it into an empty one as it is: positions, ids and hashes stay, and the chain is proven on the way in. */
import { type Queryable, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { dayOf, daysAfter, daysOf, inDays, makeDays, noteSpans } from './archiveDays.js';
import type { PartitionHead } from './archiveHeads.js';
import { type ArchiveRow, archiveColumnList, archiveColumns, chainHash } from './archiveRow.js';

/** Raw rows of one partition behind a position, in order. */
export async function readArchiveRows(db: Queryable, partition: string, after: number, limit: number): Promise<ArchiveRow[]> {
  const days = await daysAfter(db, partition, after, limit);
  if (db.engine === 'postgres' && days.length === 0) return [];
  return db.query<ArchiveRow>(sql`select ${archiveColumnList} from archive
    where partition = ${partition} and position > ${after} and ${inDays(db, days)} order by position limit ${limit}`);
}

/** `head`: where the partition ends before them. Answers where it ends then. Throws when a row does not continue the chain. */
export async function insertArchiveRows(tx: Queryable, rows: readonly ArchiveRow[], head: PartitionHead): Promise<PartitionHead> {
  let { position, hash } = head;
  for (const row of rows) {
    if (row.position !== position + 1 || row.hash !== chainHash(hash, row)) {
      throw new Error(`the hash chain of ${row.partition} breaks at position ${row.position}`);
    }
    ({ position, hash } = row);
  }
  if (rows.length === 0) return head;
  await makeDays(tx, daysOf(rows.map(({ id }) => id)));
  if (tx.engine === 'sqlite') await tx.query(sql`insert into archive (${archiveColumnList}) ${rowsOf(tx.engine, archiveColumns, rows)}`);
  else {
    const placed = rows.map((row) => ({ day: dayOf(row.id), ...row }));
    await tx.query(sql`insert into archive (day, ${archiveColumnList}) ${rowsOf(tx.engine, { day: 'bigint', ...archiveColumns }, placed)}`);
  }
  await noteSpans(tx, rows);
  return { position, hash };
}

/** The log begins anew behind what was copied: its cursor belonged to another. */
export async function setHead(tx: Queryable, partition: string, { position, hash }: PartitionHead): Promise<void> {
  await tx.query(sql`update partitions set position = ${position}, hash = ${hash}, log_cursor = null where partition = ${partition}`);
}

export const archiveColumnNames: readonly string[] = Object.keys(archiveColumns);
export type { ArchiveRow } from './archiveRow.js';
