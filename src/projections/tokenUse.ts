/** Token use: who used which token how much in each UTC day, by the token that a request ended on. */
import { type Queryable, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { accumulator, type Rows } from './accumulate.js';
import { defineProjection } from './define.js';
import { requestEnd, requestEndTypes } from './requestEnd.js';
import { DAY, dayOf, periodStart, slotOf } from './time.js';

const days = accumulator({
  table: 'token_use_day',
  key: { starts_at: 'bigint', token_id: 'text', user_id: 'text' },
  sum: ['requests', 'successes', 'input_tokens', 'output_tokens'],
});

export const tokenUse = defineProjection<Rows>({
  name: 'tokenUse',
  version: 1,
  tables: [{ name: 'token_use_day', key: ['starts_at', 'token_id', 'user_id'], retention: { column: 'starts_at', ms: 62 * DAY } }],
  // A refused request was on no token.
  types: requestEndTypes.filter((type) => type !== 'kirogate.request.refused'),
  start: () => new Map(),
  fold(batch, event) {
    const end = requestEnd(event);
    // A caller's own credential is nobody's donation.
    if (end.tokenId === null || end.tokenId.startsWith('ext-')) return;
    days.add(batch, {
      starts_at: end.day === null ? slotOf(event.time, DAY) : periodStart(end.day),
      token_id: end.tokenId,
      user_id: end.userId,
      requests: end.count,
      successes: end.outcome === 'completed' ? 1 : 0,
      input_tokens: end.usage?.inputTokens ?? 0,
      output_tokens: end.usage?.outputTokens ?? 0,
    });
  },
  flush: (batch, tx, table) => days.flush(batch, tx, table),
});

export interface TokenUseRow {
  /** `2026-11-23` */
  readonly day: string;
  readonly userId: string;
  readonly requests: number;
  readonly successes: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

type Stored = Record<'starts_at' | 'requests' | 'successes' | 'input_tokens' | 'output_tokens', number> & { readonly user_id: string };

/** Per user and UTC day, the newest day first; `days` counts back from the day of `now` (ms), that day included. */
export async function tokenUseOf(
  db: Queryable,
  tokenId: string,
  query: { readonly now: number; readonly days: number },
): Promise<TokenUseRow[]> {
  const today = slotOf(query.now, DAY);
  // Days are named one by one: the key leads with them, so each is a look-up.
  const named = Array.from({ length: query.days }, (_, back) => ({ day: today - back * DAY }));
  const rows = await db.query<Stored>(sql`
    select starts_at, user_id, requests, successes, input_tokens, output_tokens from token_use_day
    where starts_at in (${rowsOf(db.engine, { day: 'bigint' }, named)}) and token_id = ${tokenId}
    order by starts_at desc, requests desc, user_id`);
  return rows.map((row) => ({
    day: dayOf(row.starts_at),
    userId: row.user_id,
    requests: row.requests,
    successes: row.successes,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
  }));
}
