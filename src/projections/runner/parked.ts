/** Events that a projection could not take: kept by name with the reason, until an admin has them retried or given up. */

import type { StoredEvent } from '../../events/define.js';
import type { EventData } from '../../events/index.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { rowsOf } from '../../infra/database/rows.js';
import type { Poison } from './fold.js';

export const RETRIED = 'kirogate.projection.event-retried';
export const DISCARDED = 'kirogate.projection.event-discarded';

const columns = {
  id: 'text',
  projection: 'text',
  version: 'bigint',
  partition: 'text',
  position: 'bigint',
  event_id: 'text',
  type: 'text',
  subject: 'text',
  reason: 'text',
  error: 'text',
  parked_at: 'bigint',
  state: 'text',
} as const;

/** Names a parked event in lists and paths. */
export function parkedId(projection: string, partition: string, position: number): string {
  return `${projection}.${partition}.${position}`;
}

/** An event parked again by a failed retry keeps its row, with the new error. `now` in ms since epoch. */
export async function park(tx: Queryable, poison: readonly Poison[], now: number): Promise<void> {
  if (poison.length === 0) return;
  const rows = poison.map(({ projection, event, reason, error }) => ({
    id: parkedId(projection.name, event.partition, event.position),
    projection: projection.name,
    version: projection.version,
    partition: event.partition,
    position: event.position,
    event_id: event.id,
    type: event.type,
    subject: event.subject,
    reason,
    error,
    parked_at: now,
    state: 'parked',
  }));
  await tx.query(sql`insert into parked_events (id, projection, version, partition, position, event_id, type, subject, reason, error, parked_at, state)
    ${rowsOf(tx.engine, columns, rows)} on conflict (id) do update set reason = excluded.reason, error = excluded.error, state = excluded.state`);
}

/** Subjects with a parked event, by projection. */
export async function parkedSubjects(tx: Queryable): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = await tx.query<{ projection: string; subject: string }>(
    sql`select distinct projection, subject from parked_events where state = 'parked'`,
  );
  const subjects = new Map<string, Set<string>>();
  for (const { projection, subject } of rows) subjects.set(projection, (subjects.get(projection) ?? new Set()).add(subject));
  return subjects;
}

type EventRef = EventData<typeof RETRIED>;

/** What the admin's answers in these events name; data that does not fit is left to the fold to refuse. */
export function answersIn(events: readonly StoredEvent[]): { readonly type: string; readonly ref: EventRef; readonly position: number }[] {
  return events
    .filter(({ type }) => type === RETRIED || type === DISCARDED)
    .map(({ type, data, position }) => ({ type, ref: data as EventRef, position }));
}

/** Of these ids those that are still parked. */
export async function stillParked(tx: Queryable, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const rows = await tx.query<{ id: string }>(
    sql`select id from parked_events where state = 'parked' and id in (${rowsOf(
      tx.engine,
      { id: 'text' },
      ids.map((id) => ({ id })),
    )})`,
  );
  return new Set(rows.map(({ id }) => id));
}

/** Is an earlier event of the same subject and partition still parked for the same projection? */
export async function hasEarlierParked(tx: Queryable, id: string): Promise<boolean> {
  const rows = await tx.query(sql`select 1 from parked_events as mine join parked_events as earlier
    on earlier.projection = mine.projection and earlier.subject = mine.subject and earlier.partition = mine.partition and earlier.position < mine.position
    where mine.id = ${id} and earlier.state = 'parked' limit 1`);
  return rows.length > 0;
}

export async function settleParked(tx: Queryable, ids: readonly string[], state: 'retried' | 'discarded'): Promise<void> {
  if (ids.length === 0) return;
  await tx.query(sql`update parked_events set state = ${state} where state = 'parked'
    and id in (${rowsOf(
      tx.engine,
      { id: 'text' },
      ids.map((id) => ({ id })),
    )})`);
}

/** What a rebuild of a projection leaves out at its own place, and what it takes at the place of the retry instead. */
export interface Answers {
  /** `<partition>.<position>` of events that are parked, given up, or retried later. */
  readonly skipped: ReadonlySet<string>;
  /** Position in `control` of the retry that succeeded → the event retried. */
  readonly retries: ReadonlyMap<number, { readonly partition: string; readonly position: number }>;
}

export async function answersFor(db: Queryable, projection: string): Promise<Answers> {
  const rows = await db.query<{ partition: string; position: number; state: string }>(
    sql`select partition, position, state from parked_events where projection = ${projection}`,
  );
  const skipped = new Set(rows.map(({ partition, position }) => `${partition}.${position}`));
  const retried = new Set(rows.filter(({ state }) => state === 'retried').map(({ partition, position }) => `${partition}.${position}`));
  const retries = new Map<number, { partition: string; position: number }>();
  if (retried.size === 0) return { skipped, retries };
  const events = await db.query<{ position: number; data: string }>(
    sql`select position, data from archive where type = ${RETRIED} and subject = ${`projection/${projection}`} and partition = 'control' order by position`,
  );
  // The last retry is the one that succeeded: only what is still parked can be retried.
  const last = new Map<string, number>();
  for (const { position, data } of events) {
    const ref = JSON.parse(data) as EventRef;
    if (ref.projection === projection && retried.has(`${ref.partition}.${ref.position}`))
      last.set(`${ref.partition}.${ref.position}`, position);
  }
  for (const [key, position] of last) {
    const dot = key.indexOf('.');
    retries.set(position, { partition: key.slice(0, dot), position: Number(key.slice(dot + 1)) });
  }
  return { skipped, retries };
}
