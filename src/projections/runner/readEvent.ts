/** One event of the archive by its place. */
import { readPartition } from '../../events/archive.js';
import type { StoredEvent } from '../../events/define.js';
import type { Queryable } from '../../infra/database/port.js';

export async function readEvent(db: Queryable, partition: string, position: number): Promise<StoredEvent | undefined> {
  const [event] = await readPartition(db, partition, position - 1, 1);
  return event?.position === position ? event : undefined;
}
