/** Activity: one row for each request that ended, and one for each number of like refusals. */
import { type Queryable, sql } from '../infra/database/port.js';
import { insertRows } from '../infra/database/rows.js';
import { identifiers } from './accumulate.js';
import { defineProjection } from './define.js';
import { type Page, type PageQuery, pageOf } from './page.js';
import { type RequestEnd, requestEnd, requestEndTypes } from './requestEnd.js';
import { DAY } from './time.js';

const columns = {
  at: 'bigint',
  id: 'text',
  user_id: 'text',
  key_id: 'text',
  token_id: 'text',
  model: 'text',
  status: 'bigint',
  details: 'text',
} as const;

type Row = {
  readonly at: number;
  readonly id: string;
  readonly user_id: string;
  readonly key_id: string;
  readonly token_id: string | null;
  readonly model: string;
  readonly status: number;
  /** JSON of Details */
  readonly details: string;
};

type Details = Pick<
  RequestEnd,
  'requestId' | 'outcome' | 'endpoint' | 'stream' | 'code' | 'message' | 'count' | 'startedAt' | 'latencyUs' | 'firstOutputUs' | 'usage'
> & { readonly attempts: number; readonly charged: boolean };

export const activity = defineProjection<Row[]>({
  name: 'activity',
  version: 1,
  tables: [{ name: 'activity', key: ['at', 'id'], retention: { column: 'at', ms: 90 * DAY } }],
  types: requestEndTypes,
  start: () => [],
  fold(batch, event) {
    const end = requestEnd(event);
    const { userId, keyId, tokenId, model, status } = end;
    batch.push({
      at: event.time,
      id: event.id,
      user_id: userId,
      key_id: keyId,
      token_id: tokenId,
      model,
      status,
      details: JSON.stringify(detailsOf(end)),
    });
  },
  async flush(batch, tx, table) {
    if (batch.length === 0) return;
    batch.sort((a, b) => a.at - b.at);
    await insertRows(
      tx,
      sql`insert into ${table('activity')} (${identifiers(Object.keys(columns))})`,
      columns,
      batch,
      sql`on conflict do nothing`,
    );
  },
});

function detailsOf(end: RequestEnd): Details {
  return {
    requestId: end.requestId,
    outcome: end.outcome,
    endpoint: end.endpoint,
    stream: end.stream,
    code: end.code,
    message: end.message,
    count: end.count,
    attempts: end.attemptCount,
    startedAt: end.startedAt,
    latencyUs: end.latencyUs,
    firstOutputUs: end.firstOutputUs,
    usage: end.usage,
    charged: end.charge !== null,
  };
}

export interface ActivityItem {
  readonly id: string;
  /** ms since epoch: when it ended. */
  readonly at: number;
  readonly startedAt: number;
  readonly requestId: string;
  readonly outcome: 'completed' | 'failed' | 'cancelled' | 'abandoned' | 'refused';
  /** null: no known key. */
  readonly userId: string | null;
  readonly keyId: string | null;
  readonly tokenId: string | null;
  readonly endpoint: string;
  readonly model: string;
  readonly stream: boolean;
  readonly status: number;
  readonly code: string | null;
  readonly message: string | null;
  /** Requests this row stands for: more than 1 for refusals that came together. */
  readonly count: number;
  readonly attempts: number;
  /** Mean over `count`. */
  readonly latencyMs: number;
  readonly firstOutputMs: number | null;
  readonly usage: {
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly cacheReadTokens: number;
    readonly cacheWriteTokens: number;
    readonly estimated: boolean;
    readonly microCredits: number | null;
  } | null;
  /** Did it count against the user's quotas? */
  readonly charged: boolean;
}

export interface ActivityQuery extends PageQuery {
  readonly userId?: string | undefined;
  readonly model?: string | undefined;
  readonly status?: number | undefined;
}

/** Newest first. Throws AppError `invalid_request` for a cursor that is none. */
export function listActivity(db: Queryable, query: ActivityQuery): Promise<Page<ActivityItem>> {
  const where = [];
  if (query.userId !== undefined) where.push(sql`user_id = ${query.userId}`);
  if (query.model !== undefined) where.push(sql`model = ${query.model}`);
  if (query.status !== undefined) {
    where.push(sql`status = ${query.status}`);
    // Said in the words of the partial index, or the planner does not take it.
    if (query.status !== 200) where.push(sql`status <> 200`);
  }
  return pageOf(db, { ...query, table: sql`activity`, where, read: toItem });
}

/** Most rows read at once; of more than these the oldest are left out. */
const MOST_ENDS = 100_000;

/** When the requests of each key began, ms since epoch and after `since`, where they had been admitted. */
export async function readKeyTimes(db: Queryable, since: number): Promise<{ keyId: string; times: number[] }[]> {
  // What began after that ended after that.
  const rows = await db.query<Pick<Row, 'key_id' | 'details'>>(
    sql`select key_id, details from activity where at > ${since} order by at desc limit ${MOST_ENDS}`,
  );
  const keys = new Map<string, number[]>();
  for (const { key_id, details } of rows) {
    const { outcome, startedAt } = JSON.parse(details) as Details;
    if (outcome === 'refused' || startedAt <= since) continue;
    const times = keys.get(key_id);
    if (times) times.push(startedAt);
    else keys.set(key_id, [startedAt]);
  }
  return [...keys].map(([keyId, times]) => ({ keyId, times }));
}

function toItem({ at, id, user_id, key_id, token_id, model, status, details }: Row): ActivityItem {
  const { latencyUs, firstOutputUs, ...rest } = JSON.parse(details) as Details;
  return {
    ...rest,
    id,
    at,
    userId: user_id === '' ? null : user_id,
    keyId: key_id === '' ? null : key_id,
    tokenId: token_id,
    model,
    status,
    latencyMs: latencyUs / rest.count / 1_000,
    firstOutputMs: firstOutputUs === null ? null : firstOutputUs / 1_000,
  };
}
