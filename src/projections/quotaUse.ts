/** Quota use: what is charged to each user in a UTC day and month, by the period that the request was admitted in. */
import { type Queryable, sql } from '../infra/database/port.js';
import { accumulator, type Rows } from './accumulate.js';
import { defineProjection } from './define.js';
import { prune } from './prune.js';
import { requestEnd } from './requestEnd.js';
import { DAY, periodStart } from './time.js';

const key = { starts_at: 'bigint', user_id: 'text', period: 'text' } as const;
const uses = {
  // `period` follows from `starts_at`; as a key column it is never updated.
  day: accumulator({ table: 'quota_day', key, sum: ['used'] }),
  month: accumulator({ table: 'quota_month', key, sum: ['used'] }),
};
const tables = [
  { name: 'quota_day', key: ['starts_at', 'user_id', 'period'], retention: { column: 'starts_at', ms: 62 * DAY } },
  { name: 'quota_month', key: ['starts_at', 'user_id', 'period'], retention: { column: 'starts_at', ms: 800 * DAY } },
] as const;

interface Batch {
  readonly day: Rows;
  readonly month: Rows;
  newestDay: number;
  newestMonth: number;
}

export const quotaUse = defineProjection<Batch>({
  name: 'quotaUse',
  version: 1,
  tables,
  types: ['kirogate.token.used', 'kirogate.request.failed', 'kirogate.request.cancelled', 'kirogate.request.abandoned'],
  start: () => ({ day: new Map(), month: new Map(), newestDay: 0, newestMonth: 0 }),
  fold(batch, event) {
    const { charge, userId } = requestEnd(event);
    if (charge === null) return;
    const day = periodStart(charge.day);
    const month = periodStart(charge.month);
    uses.day.add(batch.day, { starts_at: day, user_id: userId, period: charge.day, used: 1 });
    uses.month.add(batch.month, { starts_at: month, user_id: userId, period: charge.month, used: 1 });
    batch.newestDay = Math.max(batch.newestDay, day);
    batch.newestMonth = Math.max(batch.newestMonth, month);
  },
  async flush(batch, tx, table) {
    await uses.day.flush(batch.day, tx, table);
    await uses.month.flush(batch.month, tx, table);
    await prune(tables[0], batch.newestDay, tx, table);
    await prune(tables[1], batch.newestMonth, tx, table);
  },
});

/** Every user's charges in one UTC day (`2026-11-23`). */
export function quotaDayUse(db: Queryable, day: string): Promise<{ userId: string; used: number }[]> {
  return db.query(sql`select user_id as ${sql.ident('userId')}, used from quota_day where starts_at = ${periodStart(day)} order by user_id`);
}

/** Every user's charges in one UTC month (`2026-11`). */
export function quotaMonthUse(db: Queryable, month: string): Promise<{ userId: string; used: number }[]> {
  return db.query(sql`select user_id as ${sql.ident('userId')}, used from quota_month where starts_at = ${periodStart(month)} order by user_id`);
}
