/** Where each partition of the archive ends. */
import { type Queryable, sql } from '../infra/database/port.js';

export interface PartitionHead {
  /** Of the last event; 0: none yet. */
  readonly position: number;
  /** Rolling hash of the last event (hex). */
  readonly hash: string;
}

/** `control` first, then by number. */
export async function partitionHeads(db: Queryable): Promise<ReadonlyMap<string, PartitionHead>> {
  const rows = await db.query<PartitionHead & { partition: string }>(sql`select partition, position, hash from partitions`);
  const rank = (partition: string): number => (partition === 'control' ? -1 : Number(partition.slice(1)));
  const inOrder = rows.toSorted((a, b) => rank(a.partition) - rank(b.partition));
  return new Map(inOrder.map(({ partition, position, hash }) => [partition, { position, hash }]));
}
