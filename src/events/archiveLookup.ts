/** Looks events up in the archive: by their ids, whichever partition has them, by their subjects, or only what they are about. */
import { type Queryable, type SQLQuery, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { daysAfter, daysBetween, daysOf, daysSince, inDays } from './archiveDays.js';
import { type ArchiveRow, archiveColumnList, dataOf, fromRow } from './archiveRow.js';
import type { StoredEvent } from './define.js';

/** More in one statement gain nothing. */
const AT_ONCE = 1_000;

/** Payloads by event id, as JSON text; those that the archive does not have are left out. */
export async function archivedPayloads(db: Queryable, ids: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const some of pages(ids)) {
    const rows = await db.query<{ id: string; data: string }>(sql`select id, data from archive where ${among(db, some)}`);
    for (const { id, data } of rows) found.set(id, data);
  }
  return found;
}

/** Those of the ids that the archive has. */
export async function archivedIds(db: Queryable, ids: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const some of pages(ids)) {
    const rows = await db.query<{ id: string }>(sql`select id from archive where ${among(db, some)}`);
    for (const { id } of rows) found.push(id);
  }
  return found;
}

/** Events of these subjects from a moment (ms since epoch) on, in order. */
export async function eventsOfSubjects(
  db: Queryable,
  partition: string,
  { subjects, since }: { readonly subjects: readonly string[]; readonly since: number },
): Promise<StoredEvent[]> {
  const days = await daysSince(db, partition, since);
  const wanted = rowsOf(
    db.engine,
    { subject: 'text' },
    subjects.map((subject) => ({ subject })),
  );
  const rows = await db.query<ArchiveRow>(sql`select ${archiveColumnList} from archive where subject in (${wanted})
    and partition = ${partition} and time >= ${since} and ${inDays(db, days)} order by position`);
  return rows.map(fromRow);
}

/** What an event is about. */
export type EventMark = Pick<StoredEvent, 'position' | 'type' | 'subject' | 'time' | 'data'>;

export interface MarksQuery {
  readonly after: number;
  /** Up to and with it; everything up to there is archived. Default: whatever there is. */
  readonly upTo?: number;
  readonly limit: number;
  /** Data of these types only; that of others is null. */
  readonly withData: readonly string[];
  /** Only these types, or all but these. Default: all. */
  readonly only?: readonly string[];
  readonly except?: readonly string[];
}

/** What the events of one partition after a position are about, in order. */
export async function readMarks(db: Queryable, partition: string, query: MarksQuery): Promise<EventMark[]> {
  const { after, upTo, limit, withData, only, except } = query;
  const days = await (upTo === undefined ? daysAfter(db, partition, after, limit) : daysBetween(db, partition, after, upTo));
  if (db.engine === 'postgres' && days.length === 0) return [];
  const wanted = [
    sql`partition = ${partition} and position > ${after} and ${inDays(db, days)}`,
    ...(upTo === undefined ? [] : [sql`position <= ${upTo}`]),
    ...(only === undefined ? [] : [sql`type in (${list(only)})`]),
    ...(except === undefined ? [] : [sql`type not in (${list(except)})`]),
  ];
  const rows = await db.query<Omit<EventMark, 'data'> & { data: string | null }>(sql`
    select position, type, subject, time, case when type in (${list(withData)}) then data end as data from archive
    where ${sql.join(wanted, ' AND ')} order by position limit ${limit}`);
  return rows.map((row) => (row.data === null ? row : { ...row, data: dataOf(row.data) }));
}

const list = (texts: readonly string[]): SQLQuery =>
  sql.join(
    texts.map((text) => sql`${text}`),
    ', ',
  );

function pages(ids: readonly string[]): (readonly string[])[] {
  return Array.from({ length: Math.ceil(ids.length / AT_ONCE) }, (_, i) => ids.slice(i * AT_ONCE, (i + 1) * AT_ONCE));
}

function among(db: Queryable, ids: readonly string[]): SQLQuery {
  const rows = ids.map((id) => ({ id }));
  return sql`${inDays(db, daysOf(ids))} and id in (${rowsOf(db.engine, { id: 'text' }, rows)})`;
}
