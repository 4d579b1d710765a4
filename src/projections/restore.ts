/** What the limits need after a start: each token's last hour and day, each user's charges of this day and month, each key's last minute. */
import { type Queryable, sql } from '../infra/database/port.js';
import type { KeyHistory, TokenHistory, UserUsage } from '../limits/port.js';
import { readKeyTimes } from './activity.js';
import { quotaDayUse, quotaMonthUse } from './quotaUse.js';
import { DAY, dayOf, HOUR, MINUTE, monthOf, SECOND, slotOf } from './time.js';
import { tokenHealthOf } from './tokenHealthQueries.js';

/** The longest window and the second that is added to it (design §7). */
const SENDS_MS = HOUR + SECOND;
const RESULTS = 100;

/** `now` in ms since epoch. Everything that was appended before must be archived. */
export async function readRestore(db: Queryable, now: number): Promise<{ tokens: TokenHistory[]; users: UserUsage[]; keys: KeyHistory[] }> {
  return {
    tokens: await readTokenHistories(db, now),
    users: await readUserUsage(db, now),
    keys: await readKeyTimes(db, now - MINUTE),
  };
}

async function readTokenHistories(db: Queryable, now: number): Promise<TokenHistory[]> {
  const sends = await readSends(db, now);
  const results = await readResults(db, now);
  const uses = await readDayUses(db, now);
  const healths = await tokenHealthOf(db, 'all');
  const ids = [...new Set([...sends.keys(), ...results.keys(), ...uses.keys(), ...healths.keys()])].sort();
  return ids.map((tokenId) => {
    const health = healths.get(tokenId);
    return {
      tokenId,
      sends: sends.get(tokenId) ?? [],
      results: results.get(tokenId) ?? [],
      consecutiveFails: health?.consecutiveFails ?? 0,
      cooldownUntil: health?.cooldownUntil ?? null,
      lastUsedAt: health?.lastUsedAt ?? null,
      dayUsed: uses.get(tokenId) ?? 0,
    };
  });
}

/** Sends of the UTC day that `now` lies in, for the caps that donors set. */
async function readDayUses(db: Queryable, now: number): Promise<Map<string, number>> {
  const rows = await db.query<{ token_id: string; used: number }>(
    sql`select token_id, cast(sum(attempts) as bigint) as used from token_minute where slot >= ${slotOf(now, DAY)} group by token_id`,
  );
  return new Map(rows.map(({ token_id, used }) => [token_id, Number(used)]));
}

async function readSends(db: Queryable, now: number): Promise<Map<string, number[]>> {
  const rows = await db.query<{ token_id: string; at: number }>(
    sql`select token_id, at from token_sends where at > ${now - SENDS_MS} order by at`,
  );
  const sends = new Map<string, number[]>();
  for (const { token_id, at } of rows) {
    const list = sends.get(token_id);
    if (list) list.push(at);
    else sends.set(token_id, [at]);
  }
  return sends;
}

interface MinuteRow {
  readonly token_id: string;
  readonly successes: number;
  readonly failures: number;
}

/** The last results within a day, oldest first. Within a minute the failures come last: their number counts, not their order. */
async function readResults(db: Queryable, now: number): Promise<Map<string, boolean[]>> {
  const rows = await db.query<MinuteRow>(
    sql`select token_id, successes, failures from token_minute where slot >= ${slotOf(now - DAY, MINUTE)} and successes + failures > 0 order by slot desc`,
  );
  const newestFirst = new Map<string, boolean[]>();
  for (const { token_id, successes, failures } of rows) {
    const list = newestFirst.get(token_id) ?? [];
    newestFirst.set(token_id, list);
    for (let index = 0; index < failures && list.length < RESULTS; index += 1) list.push(false);
    for (let index = 0; index < successes && list.length < RESULTS; index += 1) list.push(true);
  }
  return new Map([...newestFirst].map(([tokenId, list]) => [tokenId, list.reverse()]));
}

async function readUserUsage(db: Queryable, now: number): Promise<UserUsage[]> {
  const [day, month] = [dayOf(now), monthOf(now)];
  const days = new Map((await quotaDayUse(db, day)).map(({ userId, used }) => [userId, used]));
  return (await quotaMonthUse(db, month)).map(({ userId, used }) => ({
    userId,
    day,
    dayUsed: days.get(userId) ?? 0,
    month,
    monthUsed: used,
  }));
}
