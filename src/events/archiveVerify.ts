/** Proves that nobody changed, removed or moved a row of the archive: recomputes every partition's hash chain. */
import { type Queryable, sql } from '../infra/database/port.js';
import { daysBetween, inDays } from './archiveDays.js';
import { partitionHeads } from './archiveHeads.js';
import { type ArchiveRow, archiveColumnList, chainHash } from './archiveRow.js';

export interface PartitionVerdict {
  readonly partition: string;
  /** Intact events from the first on. */
  readonly events: number;
  readonly ok: boolean;
  /** The first position that is missing or does not fit, or null. */
  readonly brokenAt: number | null;
}

const PAGE = 2_000;
const GENESIS = '0'.repeat(64);

/** Goes a page at a time, up to where each partition stands when its turn comes; writers need not stop. */
export async function verifyArchive(db: Queryable): Promise<PartitionVerdict[]> {
  const verdicts: PartitionVerdict[] = [];
  for (const [partition, head] of await partitionHeads(db)) {
    verdicts.push(await verifyPartition(db, partition, head));
  }
  return verdicts;
}

async function verifyPartition(db: Queryable, partition: string, head: { position: number; hash: string }): Promise<PartitionVerdict> {
  let position = 0;
  let hash = GENESIS;
  const broken = (): PartitionVerdict => ({ partition, events: position, ok: false, brokenAt: position + 1 });
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
  if (hash !== head.hash) return { partition, events: Math.max(position - 1, 0), ok: false, brokenAt: Math.max(position, 1) };
  return { partition, events: position, ok: true, brokenAt: null };
}
