/** Use: how many requests each key and each user made, when last, and how many were served. */
import { type Queryable, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { accumulator, type Rows } from './accumulate.js';
import { defineProjection } from './define.js';
import { isAuthenticated, requestEnd, requestEndTypes } from './requestEnd.js';
import { DAY, dayOf, monthOf, periodStart } from './time.js';

const keys = accumulator({ table: 'key_use', key: { key_id: 'text' }, sum: ['requests', 'successes'], max: ['last_used_at'] });
const totals = accumulator({
  table: 'user_total',
  key: { user_id: 'text' },
  sum: ['requests', 'successes', 'refused', 'input_tokens', 'output_tokens'],
  max: ['last_used_at'],
});
const days = accumulator({ table: 'user_day', key: { starts_at: 'bigint', user_id: 'text' }, sum: ['requests', 'successes', 'refused'] });

interface Batch {
  readonly keys: Rows;
  readonly totals: Rows;
  readonly days: Rows;
}

export const use = defineProjection<Batch>({
  name: 'use',
  version: 2,
  tables: [
    { name: 'key_use', key: ['key_id'] },
    { name: 'user_total', key: ['user_id'] },
    { name: 'user_day', key: ['starts_at', 'user_id'], retention: { column: 'starts_at', ms: 62 * DAY } },
  ],
  types: requestEndTypes,
  start: () => ({ keys: new Map(), totals: new Map(), days: new Map() }),
  fold(batch, event) {
    const end = requestEnd(event);
    if (!isAuthenticated(end)) return;
    const successes = end.outcome === 'completed' ? 1 : 0;
    const refused = end.outcome === 'refused' ? end.count : 0;
    const startsAt = end.day === null ? event.time - (event.time % DAY) : periodStart(end.day);
    keys.add(batch.keys, { key_id: end.keyId, requests: end.count, successes, last_used_at: event.time });
    totals.add(batch.totals, {
      user_id: end.userId,
      requests: end.count,
      successes,
      refused,
      input_tokens: end.usage?.inputTokens ?? 0,
      output_tokens: end.usage?.outputTokens ?? 0,
      last_used_at: event.time,
    });
    days.add(batch.days, { starts_at: startsAt, user_id: end.userId, requests: end.count, successes, refused });
  },
  async flush(batch, tx, table) {
    await keys.flush(batch.keys, tx, table);
    await totals.flush(batch.totals, tx, table);
    await days.flush(batch.days, tx, table);
  },
});

export interface UserStats {
  readonly totalRequests: number;
  readonly requestsToday: number;
  readonly requestsThisMonth: number;
  /** 0–1 over all requests; 1 while there is none. */
  readonly successRate: number;
  /** Tokens of this owner in the pool, public and private. */
  readonly donatedTokens: number;
}

/** `now` (ms) fixes the UTC day and month. Refused requests count, as in the cluster's metrics. */
export async function userStats(db: Queryable, userId: string, now: number): Promise<UserStats> {
  const day = periodStart(dayOf(now));
  const month = periodStart(monthOf(now));
  const [row] = await db.query<Record<'total' | 'successes' | 'today' | 'month' | 'donated', number | null>>(sql`select
    (select requests from user_total where user_id = ${userId}) as total,
    (select successes from user_total where user_id = ${userId}) as successes,
    (select requests from user_day where starts_at = ${day} and user_id = ${userId}) as today,
    (select sum(requests) from user_day where starts_at >= ${month} and user_id = ${userId}) as month,
    (select count(*) from tokens where owner_id = ${userId}) as donated`);
  const total = row?.total ?? 0;
  return {
    totalRequests: total,
    requestsToday: row?.today ?? 0,
    requestsThisMonth: Number(row?.month ?? 0),
    successRate: total === 0 ? 1 : (row?.successes ?? 0) / total,
    donatedTokens: Number(row?.donated ?? 0),
  };
}

export interface KeyUse {
  readonly requests: number;
  /** ms since epoch */
  readonly lastUsedAt: number;
}

/** Keys that were never used are absent. */
export async function keyUse(db: Queryable, keyIds: readonly string[]): Promise<ReadonlyMap<string, KeyUse>> {
  const ids = keyIds.map((id) => ({ id }));
  const rows = await db.query<{ key_id: string; requests: number; last_used_at: number }>(
    sql`select key_id, requests, last_used_at from key_use where key_id in (${rowsOf(db.engine, { id: 'text' }, ids)})`,
  );
  return new Map(rows.map((row) => [row.key_id, { requests: row.requests, lastUsedAt: row.last_used_at }]));
}
