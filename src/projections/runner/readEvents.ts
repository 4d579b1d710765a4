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

/**
 * Those of the types at positions after `after` up to `upTo`, in order. Positions are dense, so the span bounds the statement. They
 * come as one text, which the store puts together beside this process: rows of fourteen columns cost the driver twice the parsing.
 */
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
  const where = sql`partition = ${span.partition} and position > ${span.after} and position <= ${span.upTo} and ${inDays(db, days)}
      and type in (${wanted})`;
  const [row] = await db.query<{ page: string | null }>(
    db.engine === 'sqlite'
      ? sql`select group_concat('[' || data || ',' || substr(json_array(${columns}), 2), ',') as page from
          (select data, ${columns} from archive where ${where} order by position)`
      : sql`select string_agg('[' || data || ',' || substr(json_build_array(${columns})::text, 2), ',' order by position) as page from archive where ${where}`,
  );
  const page = linesOf(row?.page ?? '');
  if (page === null) {
    const rows = await db.query<ArchiveRow>(sql`select ${archiveColumnList} from archive where ${where} order by position`);
    return rows.map(fromRow);
  }
  // SQLite promises no order of what it gathers.
  return page.map((line) => eventOf(span.partition, line)).sort((a, b) => a.position - b.position);
}

/** Behind the data, in a page. */
const columns = sql`position, id, type, source, subject, time, dataversion, partitionkey, actor, correlationid, causationid`;

type Line = readonly [
  data: unknown,
  position: number,
  id: string,
  type: string,
  source: string,
  subject: string,
  time: number,
  dataversion: number,
  partitionkey: string,
  actor: string,
  correlationid: string | null,
  causationid: string | null,
];

/** null: the data of one of them has been broken in the database; row by row the others can be read. */
function linesOf(page: string): Line[] | null {
  try {
    return JSON.parse(`[${page}]`) as Line[];
  } catch {
    return null;
  }
}

function eventOf(partition: string, line: Line): StoredEvent {
  const [data, position, id, type, source, subject, time, dataversion, partitionkey, actor, correlationid, causationid] = line;
  return { id, type, source, subject, time, data, dataversion, partitionkey, actor, correlationid, causationid, partition, position };
}
