/** Quota use: what is charged to each user in a UTC day and month, by the period that the request was admitted in. */
import { type Queryable, sql } from '../infra/database/port.js';
import { accumulator, type Rows } from './accumulate.js';
import { defineProjection } from './define.js';
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
}

export const quotaUse = defineProjection<Batch>({
  name: 'quotaUse',
  version: 1,
  tables,
  types: ['kirogate.token.used', 'kirogate.request.failed', 'kirogate.request.cancelled', 'kirogate.request.abandoned'],
  start: () => ({ day: new Map(), month: new Map() }),
  fold(batch, event) {
    const { charge, userId } = requestEnd(event);
    if (charge === null) return;
    uses.day.add(batch.day, { starts_at: periodStart(charge.day), user_id: userId, period: charge.day, used: 1 });
    uses.month.add(batch.month, { starts_at: periodStart(charge.month), user_id: userId, period: charge.month, used: 1 });
  },
  async flush(batch, tx, table) {
    await uses.day.flush(batch.day, tx, table);
    await uses.month.flush(batch.month, tx, table);
  },
});

/** Every user's charges in one UTC day (`2026-11-23`). */
export function quotaDayUse(db: Queryable, day: string): Promise<{ userId: string; used: number }[]> {
  return db.query(
    sql`select user_id as ${sql.ident('userId')}, used from quota_day where starts_at = ${periodStart(day)} order by user_id`,
  );
}

/** Every user's charges in one UTC month (`2026-11`). */
export function quotaMonthUse(db: Queryable, month: string): Promise<{ userId: string; used: number }[]> {
  return db.query(
    sql`select user_id as ${sql.ident('userId')}, used from quota_month where starts_at = ${periodStart(month)} order by user_id`,
  );
}
