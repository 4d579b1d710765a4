/** Proves that nobody changed, removed or moved a row of the archive: recomputes every partition's hash chain. */
import { type Queryable, sql } from '../infra/database/port.js';
import { daysBetween, inDays } from './archiveDays.js';
import { partitionHeads } from './archiveHeads.js';
import { type ArchiveRow, archiveColumnList, chainHash } from './archiveRow.js';

export interface PartitionVerdict {
  readonly partition: string;
  /** Intact events from the first on that was looked at. */
  readonly events: number;
  readonly ok: boolean;
  /** The first position that is missing or does not fit, or null. */
  readonly brokenAt: number | null;
}

const PAGE = 2_000;
const GENESIS = '0'.repeat(64);

/**
 * Goes a page at a time, up to where each partition stands when its turn comes; writers need not stop. `newest`: only so many
 * events of each partition are looked at, and the hash before them is believed.
 */
export async function verifyArchive(db: Queryable, newest: number = Number.POSITIVE_INFINITY): Promise<PartitionVerdict[]> {
  const verdicts: PartitionVerdict[] = [];
  for (const [partition, head] of await partitionHeads(db)) {
    verdicts.push(await verifyPartition(db, partition, head, Math.max(head.position - newest, 0)));
  }
  return verdicts;
}

async function verifyPartition(
  db: Queryable,
  partition: string,
  head: { position: number; hash: string },
  first: number,
): Promise<PartitionVerdict> {
  let position = first;
  const broken = (): PartitionVerdict => ({ partition, events: position - first, ok: false, brokenAt: position + 1 });
  const believed = await hashAt(db, partition, first);
  if (believed === undefined) return { ...broken(), brokenAt: first };
  let hash = believed;
  while (position < head.position) {
    const days = await daysBetween(db, partition, position, Math.min(head.position, position + PAGE));
    const rows = await db.query<ArchiveRow>(sql`select ${archiveColumnList} from archive
      where partition = ${partition} and position > ${position} and position <= ${head.position} and ${inDays(db, days)} order by position limit ${PAGE}`);
    if (rows.length === 0) return broken();
    for (const row of rows) {
      if (row.position !== position + 1 || row.hash !== chainHash(hash, row)) return broken();
      position = row.position;
      hash = row.hash;
    }
  }
  // The chain fits itself; a rewritten one would not fit the head, nor would rows beyond it that no append made.
  if (hash !== head.hash) return { partition, events: Math.max(position - first - 1, 0), ok: false, brokenAt: Math.max(position, 1) };
  return { partition, events: position - first, ok: true, brokenAt: null };
}

async function hashAt(db: Queryable, partition: string, position: number): Promise<string | undefined> {
  if (position === 0) return GENESIS;
  const days = await daysBetween(db, partition, position - 1, position);
  const [row] = await db.query<{ hash: string }>(
    sql`select hash from archive where partition = ${partition} and position = ${position} and ${inDays(db, days)}`,
  );
  return row?.hash;
}
