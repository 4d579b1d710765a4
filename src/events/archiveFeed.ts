/** Reads the archive over all partitions, oldest first, with a cursor that survives whatever is archived meanwhile. */
import { AppError } from '../errors.js';
import { type Queryable, type SQLQuery, sql } from '../infra/database/port.js';
import { allSpans, inDays, type Span } from './archiveDays.js';
import { partitionHeads } from './archiveHeads.js';
import { type ArchiveRow, archiveColumnList, fromRow } from './archiveRow.js';
import type { StoredEvent } from './define.js';

/** Opaque; stands for "the position reached in every partition". */
export type Cursor = string;

export interface ArchiveQuery {
  readonly after?: Cursor;
  readonly partitions?: readonly string[];
  readonly types?: readonly string[];
  readonly subject?: string;
  readonly correlationId?: string;
  /** ms since epoch, inclusive. */
  readonly from?: number;
  /** ms since epoch, exclusive. */
  readonly to?: number;
  readonly limit: number;
}

export interface ArchivePage {
  readonly items: { readonly event: StoredEvent; readonly cursor: Cursor }[];
  /** Where to go on, null at the end. A page of a sparse filter may be short, or empty, and still not be the last. */
  readonly next: Cursor | null;
}

/** Positions that one statement may look through in a partition for a filter without an index, and such rounds in one call. */
const WINDOW = 20_000;
const ROUNDS = 5;

/**
 * Partitions are merged by time; each keeps its own order. Because the cursor is a vector, an event that is
 * archived late in one partition is never skipped. Throws `invalid_request` on a cursor that is none.
 */
export async function readArchive(db: Queryable, query: ArchiveQuery): Promise<ArchivePage> {
  const reached = decodeCursor(query.after);
  let page = await readRound(db, query, reached);
  for (let round = 1; round < ROUNDS && page.items.length === 0 && page.next !== null; round += 1) {
    page = await readRound(db, query, reached);
  }
  return page;
}

/** A stretch of one partition that this round looks at: positions in (after, upTo], of those up to `last`. */
interface Stretch {
  readonly partition: string;
  readonly after: number;
  readonly upTo: number;
  readonly last: number;
  /** Days that hold them. */
  readonly days: readonly number[];
}

async function readRound(db: Queryable, query: ArchiveQuery, reached: Map<string, number>): Promise<ArchivePage> {
  const stretches = await stretchesOf(db, query, reached);
  if (stretches.length === 0) return { items: [], next: null };
  const statement = sql.join(
    stretches.map((stretch) => sql`select * from (${stretchStatement(db, stretch, query)}) as s`),
    sql` union all `,
  );
  const found = new Map(stretches.map(({ partition }): [string, ArchiveRow[]] => [partition, []]));
  for (const row of await db.query<ArchiveRow>(statement)) found.get(row.partition)?.push(row);
  for (const rows of found.values()) rows.sort((a, b) => a.position - b.position);
  return merge(
    stretches.map((stretch) => ({ ...stretch, rows: found.get(stretch.partition) ?? [] })),
    query.limit,
    reached,
  );
}

async function stretchesOf(db: Queryable, query: ArchiveQuery, reached: ReadonlyMap<string, number>): Promise<readonly Stretch[]> {
  const indexed = query.subject !== undefined || query.correlationId !== undefined;
  const heads = [...(await partitionHeads(db))].filter(([partition]) => query.partitions?.includes(partition) ?? true);
  const held = db.engine === 'postgres' ? await allSpans(db) : [];
  const spans = !indexed && (query.from !== undefined || query.to !== undefined) ? await spansOfTime(db, query, held) : null;
  return heads.flatMap(([partition, head]) => {
    const span = spans === null ? { first: 1, last: head.position } : (spans.get(partition) ?? { first: 1, last: 0 });
    const after = Math.max(reached.get(partition) ?? 0, span.first - 1);
    const last = Math.min(head.position, span.last);
    const upTo = indexed ? last : Math.min(last, after + Math.max(WINDOW, query.limit));
    const holds = (span: Span): boolean => span.partition === partition && span.last_position > after && span.first_position <= upTo;
    return after < last ? [{ partition, after, upTo, last, days: held.filter(holds).map(({ day }) => day) }] : [];
  });
}

/** First and last position of a span of time in each partition; order of time and of position may differ a little between them. */
async function spansOfTime(
  db: Queryable,
  { from = 0, to = Number.MAX_SAFE_INTEGER }: ArchiveQuery,
  held: readonly Span[],
): Promise<ReadonlyMap<string, { first: number; last: number }>> {
  const touched = held.filter((span) => span.last_time >= from && span.first_time < to);
  // Days that lie within the span of time as a whole need no look at their rows.
  const whole = touched.filter((span) => span.first_time >= from && span.last_time < to);
  const days = [...new Set(touched.filter((span) => !whole.includes(span)).map(({ day }) => day))];
  const rows = await db.query<{ partition: string; first: number; last: number }>(sql`
    select p.partition as partition, min(a.position) as first, max(a.position) as last
    from partitions p join archive a on a.partition = p.partition
    where a.time >= ${from} and a.time < ${to} and ${inDays(db, days)} group by p.partition`);
  const found = new Map<string, { first: number; last: number }>();
  const parts = whole.map((span) => ({ partition: span.partition, first: span.first_position, last: span.last_position }));
  for (const { partition, first, last } of [...rows, ...parts]) {
    const known = found.get(partition);
    found.set(partition, { first: Math.min(known?.first ?? first, first), last: Math.max(known?.last ?? last, last) });
  }
  return found;
}

function stretchStatement(db: Queryable, { partition, after, upTo, days }: Stretch, query: ArchiveQuery): SQLQuery {
  const conditions = [sql`partition = ${partition}`, sql`position > ${after}`, sql`position <= ${upTo}`, inDays(db, days)];
  if (query.types !== undefined) {
    conditions.push(
      query.types.length === 0
        ? sql`1 = 0`
        : sql`type in (${sql.join(
            query.types.map((type) => sql`${type}`),
            ', ',
          )})`,
    );
  }
  if (query.subject !== undefined) conditions.push(sql`subject = ${query.subject}`);
  if (query.correlationId !== undefined) conditions.push(sql`correlationid = ${query.correlationId}`);
  if (query.from !== undefined) conditions.push(sql`time >= ${query.from}`);
  if (query.to !== undefined) conditions.push(sql`time < ${query.to}`);
  return sql`select ${archiveColumnList} from archive where ${sql.join(conditions, ' AND ')} order by position limit ${query.limit}`;
}

/** Takes the earliest head again and again; stops where a partition's next event is not known yet. Moves `reached` on. */
function merge(sources: readonly (Stretch & { rows: readonly ArchiveRow[] })[], limit: number, reached: Map<string, number>): ArchivePage {
  const items: { event: StoredEvent; cursor: Cursor }[] = [];
  const queues = sources.map((source) => {
    const whole = source.rows.length < limit;
    return { ...source, at: 0, end: whole ? source.upTo : (source.rows.at(-1)?.position ?? source.upTo) };
  });
  type Queue = (typeof queues)[number];
  const drained = (queue: Queue): boolean => queue.at === queue.rows.length;
  const hasMore = (queue: Queue): boolean => queue.end < queue.last;
  while (items.length < limit && !queues.some((queue) => drained(queue) && hasMore(queue))) {
    let first: { queue: Queue; row: ArchiveRow } | undefined;
    for (const queue of queues) {
      const row = queue.rows[queue.at];
      if (row && (first === undefined || row.time < first.row.time)) first = { queue, row };
    }
    if (first === undefined) break;
    first.queue.at += 1;
    reached.set(first.row.partition, first.row.position);
    items.push({ event: fromRow(first.row), cursor: encodeCursor(reached) });
  }
  for (const queue of queues) if (drained(queue)) reached.set(queue.partition, queue.end);
  const more = queues.some((queue) => !drained(queue) || hasMore(queue));
  return { items, next: more ? encodeCursor(reached) : null };
}

/** The cursor behind everything archived now: who has read so far goes on from here without looking at it all again. */
export async function headCursor(db: Queryable): Promise<Cursor> {
  return encodeCursor(new Map([...(await partitionHeads(db))].map(([partition, { position }]) => [partition, position])));
}

function encodeCursor(reached: ReadonlyMap<string, number>): Cursor {
  let text = '';
  for (const [partition, position] of reached) text += `${text === '' ? '' : ','}${partition}:${position}`;
  return Buffer.from(text, 'latin1').toString('base64url');
}

function decodeCursor(cursor: Cursor | undefined): Map<string, number> {
  if (cursor === undefined) return new Map();
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  if (!/^((control|p\d{1,6}):\d{1,15}(,|$))+$/.test(text) || text.endsWith(',')) {
    throw new AppError('invalid_request', { message: 'This cursor is not one that the event feed gave out.', param: 'after' });
  }
  return new Map(text.split(',').map((part) => [part.slice(0, part.indexOf(':')), Number(part.slice(part.indexOf(':') + 1))]));
}
