/** Events of the archive by their places. */
import { readPartition } from '../../events/archive.js';
import { daysBetween, inDays } from '../../events/archiveDays.js';
import { type ArchiveRow, archiveColumnList, fromRow } from '../../events/archiveRow.js';
import type { StoredEvent } from '../../events/define.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { rowsOf } from '../../infra/database/rows.js';

/** One event, or undefined. */
export async function readEvent(db: Queryable, partition: string, position: number): Promise<StoredEvent | undefined> {
  const [event] = await readPartition(db, partition, position - 1, 1);
  return event?.position === position ? event : undefined;
}

/** Those of the types at positions after `after` up to `upTo`, in order. Positions are dense, so the span bounds the statement. */
export async function readSpan(
  db: Queryable,
  span: { readonly partition: string; readonly after: number; readonly upTo: number },
  types: readonly string[],
): Promise<StoredEvent[]> {
  const wanted = rowsOf(
    db.engine,
    { type: 'text' },
    types.map((type) => ({ type })),
  );
  const days = await daysBetween(db, span.partition, span.after, span.upTo);
  const rows = await db.query<ArchiveRow>(sql`select ${archiveColumnList} from archive
    where partition = ${span.partition} and position > ${span.after} and position <= ${span.upTo} and ${inDays(db, days)}
      and type in (${wanted}) order by position`);
  return rows.map(fromRow);
}
