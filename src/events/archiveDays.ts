/** On PostgreSQL the archive is one table for each day: which day an event belongs to, which days a look-up needs, and making them in time. */
import { type Queryable, type SQLQuery, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';

const DAY_MS = 86_400_000;
/** Ids of other years come from a clock far off, or are no UUIDv7: they share one table. */
const FIRST_DAY = Date.UTC(2020, 0) / DAY_MS;
const LAST_DAY = Date.UTC(2100, 0) / DAY_MS;
const ODD_DAY = 0;
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Days since the epoch of the moment in a UUIDv7; 0 where there is none. A pure function of the id: unique in its day is unique. */
export function dayOf(id: string): number {
  if (!uuidV7.test(id)) return ODD_DAY;
  const day = Math.floor(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) / DAY_MS);
  return day >= FIRST_DAY && day < LAST_DAY ? day : ODD_DAY;
}

export function daysOf(ids: readonly string[]): number[] {
  return [...new Set(ids.map(dayOf))].sort((a, b) => a - b);
}

/** `and` it to a condition on the archive. SQLite keeps one table. */
export function inDays(db: Queryable, days: readonly number[]): SQLQuery {
  if (db.engine === 'sqlite') return sql`true`;
  if (days.length === 0) return sql`false`;
  return sql`day in (${sql.join(
    days.map((day) => sql`${day}`),
    ', ',
  )})`;
}

/** Makes the tables that these days lack, and that of the day after before it is needed. Within the caller's transaction. */
export async function makeDays(tx: Queryable, days: readonly number[]): Promise<void> {
  if (tx.engine === 'sqlite') return;
  const newest = Math.max(...days);
  const wanted = newest === ODD_DAY ? days : [...days, newest + 1];
  await tx.query(sql`select archive_make_days(string_to_array(${wanted.join(',')}, ',')::integer[])`);
}

/** What an append adds to a day. */
interface Placed {
  readonly partition: string;
  readonly id: string;
  readonly position: number;
  readonly time: number;
}

/** Keeps account of what each day holds of each partition. Under the partitions' locks; positions of a partition rise. */
export async function noteSpans(tx: Queryable, rows: readonly Placed[]): Promise<void> {
  if (tx.engine === 'sqlite') return;
  const spans = new Map<string, { partition: string; day: number; first: number; last: number; from: number; to: number }>();
  for (const { partition, id, position, time } of rows) {
    const day = dayOf(id);
    const span = spans.get(`${partition} ${day}`);
    if (span) Object.assign(span, { last: position, from: Math.min(span.from, time), to: Math.max(span.to, time) });
    else spans.set(`${partition} ${day}`, { partition, day, first: position, last: position, from: time, to: time });
  }
  const columns = { partition: 'text', day: 'bigint', first: 'bigint', last: 'bigint', from: 'bigint', to: 'bigint' } as const;
  await tx.query(sql`insert into archive_spans as s (partition, day, first_position, last_position, first_time, last_time)
    ${rowsOf(tx.engine, columns, [...spans.values()])} on conflict (partition, day) do update set last_position = excluded.last_position,
    first_time = least(s.first_time, excluded.first_time), last_time = greatest(s.last_time, excluded.last_time)`);
}

/** The days that hold positions of a partition in (after, upTo]. */
export async function daysBetween(db: Queryable, partition: string, after: number, upTo: number): Promise<number[]> {
  if (db.engine === 'sqlite') return [];
  const rows = await db.query<{ day: number }>(sql`select day from archive_spans
    where partition = ${partition} and last_position > ${after} and first_position <= ${upTo}`);
  return rows.map(({ day }) => day);
}

/** The days that hold the next `limit` events of a partition after a position. */
export async function daysAfter(db: Queryable, partition: string, after: number, limit: number): Promise<number[]> {
  if (db.engine === 'sqlite') return [];
  const rows = await db.query<{ day: number }>(sql`select day from archive_spans where partition = ${partition} and last_position > ${after}
    and first_position <= (select greatest(min(first_position), ${after + 1}) from archive_spans
      where partition = ${partition} and last_position > ${after}) + ${limit - 1}`);
  return rows.map(({ day }) => day);
}

/** The days that hold events of a partition from a moment (ms since epoch) on. */
export async function daysSince(db: Queryable, partition: string, since: number): Promise<number[]> {
  if (db.engine === 'sqlite') return [];
  const rows = await db.query<{ day: number }>(sql`select day from archive_spans where partition = ${partition} and last_time >= ${since}`);
  return rows.map(({ day }) => day);
}

export interface Span {
  readonly partition: string;
  readonly day: number;
  readonly first_position: number;
  readonly last_position: number;
  readonly first_time: number;
  readonly last_time: number;
}

/** What the days hold of all partitions; PostgreSQL only. */
export function allSpans(db: Queryable): Promise<Span[]> {
  return db.query<Span>(sql`select partition, day, first_position, last_position, first_time, last_time from archive_spans`);
}
