/** Questions to token health: where each token stands, and how its risk went over the last day. */
import { type Queryable, type SQLQuery, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { DAY, HOUR, MINUTE, slotOf } from './time.js';

export interface TokenHealth {
  readonly tokenId: string;
  readonly attempts: number;
  readonly successes: number;
  /** Those that count against the token. */
  readonly failures: number;
  /** successes / (successes + failures); null: neither yet. */
  readonly successRate: number | null;
  /** Times in ms since epoch. */
  readonly lastUsedAt: number | null;
  readonly lastResult: 'success' | 'failure' | null;
  readonly lastFailure: string | null;
  /** 0 after a resume. */
  readonly consecutiveFails: number;
  readonly cooldownUntil: number | null;
  readonly check: {
    readonly at: number;
    readonly ok: boolean;
    readonly failure: string | null;
    readonly message: string | null;
  } | null;
  readonly plan: string | null;
  readonly creditsUsed: number | null;
  readonly creditsLimit: number | null;
  readonly creditsResetAt: number | null;
}

interface HealthRow {
  readonly token_id: string;
  readonly attempts: number | null;
  readonly successes: number | null;
  readonly failures: number | null;
  readonly last_used_at: number | null;
  readonly last_at: number | null;
  readonly last_result: string | null;
  readonly last_failure: string | null;
  readonly consecutive_fails: number | null;
  readonly cooled_at: number | null;
  readonly cooldown_until: number | null;
  readonly checked_at: number | null;
  readonly ok: number | boolean | null;
  readonly failure: string | null;
  readonly message: string | null;
  readonly plan: string | null;
  readonly credits_used: number | null;
  readonly credits_limit: number | null;
  readonly credits_reset_at: number | null;
  readonly reset_at: number | null;
}

/** The health of these pool tokens, or of all; tokens of which nothing is known are absent. */
export async function tokenHealthOf(db: Queryable, tokenIds: readonly string[] | 'all'): Promise<ReadonlyMap<string, TokenHealth>> {
  const rows =
    await db.query<HealthRow>(sql`select ids.token_id, h.attempts, h.successes, h.failures, h.last_used_at, h.last_at, h.last_result,
      h.last_failure, h.consecutive_fails, h.cooled_at, h.cooldown_until, c.checked_at, c.ok, c.failure, c.message, c.${sql.ident('plan')},
      c.credits_used, c.credits_limit, c.credits_reset_at, c.reset_at
    from (${idsOf(db, tokenIds)}) as ids
    left join token_health as h on h.token_id = ids.token_id
    left join token_checks as c on c.token_id = ids.token_id`);
  return new Map(rows.filter((row) => row.attempts !== null || row.reset_at !== null).map((row) => [row.token_id, toHealth(row)]));
}

/**
 * Tokens that can have live figures at `now` (ms): used within an hour, or with failures in a day, or resting, or failing. The risk
 * of all others is 0, and none of them rests.
 */
export async function tokensAtWork(db: Queryable, now: number): Promise<string[]> {
  const rows = await db.query<{ token_id: string }>(sql`select token_id from token_health
    where last_used_at > ${now - HOUR - MINUTE} or (failures > 0 and last_used_at > ${now - DAY - MINUTE})
      or cooldown_until > ${now} or consecutive_fails > 0`);
  return rows.map((row) => row.token_id);
}

/** When each token was used last, ms since epoch, the latest first; those never used are absent. */
export async function tokensByLastUse(db: Queryable, limit: number): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query<{ token_id: string; last_used_at: number }>(
    sql`select token_id, last_used_at from token_health where last_used_at > 0 order by last_used_at desc, token_id limit ${limit}`,
  );
  return new Map(rows.map((row) => [row.token_id, row.last_used_at]));
}

function idsOf(db: Queryable, tokenIds: readonly string[] | 'all'): SQLQuery {
  if (tokenIds === 'all') return sql`select token_id from token_health union select token_id from token_checks`;
  return rowsOf(
    db.engine,
    { token_id: 'text' },
    tokenIds.map((token_id) => ({ token_id })),
  );
}

function toHealth(row: HealthRow): TokenHealth {
  const [successes, failures, resetAt] = [row.successes ?? 0, row.failures ?? 0, row.reset_at ?? 0];
  const judged = successes + failures;
  return {
    tokenId: row.token_id,
    attempts: row.attempts ?? 0,
    successes,
    failures,
    successRate: judged === 0 ? null : successes / judged,
    lastUsedAt: row.last_used_at || null,
    lastResult: row.last_result === 'success' || row.last_result === 'failure' ? row.last_result : null,
    lastFailure: row.last_failure,
    consecutiveFails: (row.last_at ?? 0) > resetAt ? (row.consecutive_fails ?? 0) : 0,
    cooldownUntil: (row.cooled_at ?? 0) > resetAt ? row.cooldown_until : null,
    check: row.checked_at === null ? null : { at: row.checked_at, ok: Boolean(row.ok), failure: row.failure, message: row.message },
    plan: row.plan,
    creditsUsed: row.credits_used,
    creditsLimit: row.credits_limit,
    creditsResetAt: row.credits_reset_at,
  };
}

export interface RiskSeries {
  readonly tokenId: string;
  /** `at` in ms since epoch, the end of a step; `riskScore` 0–1. */
  readonly points: readonly { readonly at: number; readonly riskScore: number }[];
}

export interface RiskQuery {
  /** 1–24 */
  readonly hours: number;
  /** Pool tokens; each costs up to 1,500 rows. */
  readonly tokenIds: readonly string[];
  /** When a token came into the pool, ms since epoch: no point lies before. undefined: not known. */
  readonly createdAt: (tokenId: string) => number | undefined;
  readonly now: number;
  /** The caps that the score relates to. */
  readonly rpmLimit: number;
  readonly rphLimit: number;
}

const POINTS = 96;

interface MinuteRow {
  readonly slot: number;
  readonly token_id: string;
  readonly attempts: number;
  readonly successes: number;
  readonly failures: number;
  readonly last_at: number;
  readonly consecutive_fails: number;
  readonly reset_at: number | null;
}

/**
 * Risk over the last hours, at most 96 points a token, tokens without any attempt left out: the score of
 * R12 with the busiest minute of each step as its rate per minute.
 */
export async function riskHistory(db: Queryable, query: RiskQuery): Promise<RiskSeries[]> {
  if (query.tokenIds.length === 0) return [];
  const rows =
    await db.query<MinuteRow>(sql`select m.slot, m.token_id, m.attempts, m.successes, m.failures, m.last_at, m.consecutive_fails, c.reset_at
    from token_minute as m left join token_checks as c on c.token_id = m.token_id
    where m.slot >= ${slotOf(query.now - DAY - HOUR, MINUTE)} and m.token_id in (${idsOf(db, query.tokenIds)}) order by m.token_id, m.slot`);
  const byToken = new Map<string, MinuteRow[]>();
  for (const row of rows) {
    const list = byToken.get(row.token_id);
    if (list) list.push(row);
    else byToken.set(row.token_id, [row]);
  }
  return [...byToken].map(([tokenId, minutes]) => ({ tokenId, points: pointsOf(minutes, query.createdAt(tokenId) ?? 0, query) }));
}

function pointsOf(minutes: readonly MinuteRow[], since: number, query: RiskQuery): RiskSeries['points'] {
  const step = Math.max(MINUTE, Math.ceil((query.hours * HOUR) / POINTS / MINUTE) * MINUTE);
  const last = slotOf(query.now, MINUTE) + MINUTE;
  const points = [];
  for (let at = last - query.hours * HOUR + step; at <= last; at += step) {
    if (at > since) points.push({ at: Math.min(at, query.now), riskScore: riskAt(minutes, at, step, query) });
  }
  return points;
}

/** R12: 0.3·rpm/limit + 0.3·rph/limit + 0.2·failure rate (last 100 attempts, 24 h) + 0.2·min(1, consecutive/5). */
function riskAt(minutes: readonly MinuteRow[], at: number, step: number, query: RiskQuery): number {
  let rpm = 0;
  let rph = 0;
  let successes = 0;
  let failures = 0;
  let standing: MinuteRow | undefined;
  for (let index = before(minutes, at) - 1; index >= 0; index -= 1) {
    const row = minutes[index] as MinuteRow;
    if (row.slot < at - DAY) break;
    if (row.slot >= at - step) rpm = Math.max(rpm, row.attempts);
    if (row.slot >= at - HOUR) rph += row.attempts;
    if (standing === undefined && row.last_at > 0) standing = row;
    if (successes + failures < 100) {
      successes += row.successes;
      failures += row.failures;
    } else if (row.slot < at - HOUR && standing !== undefined) break;
  }
  const forgiven = standing?.reset_at != null && standing.reset_at >= standing.last_at && standing.reset_at < at;
  const fails = forgiven ? 0 : (standing?.consecutive_fails ?? 0);
  const failureRate = successes + failures === 0 ? 0 : failures / (successes + failures);
  const share = (used: number, limit: number): number => (limit <= 0 ? 1 : Math.min(1, used / limit));
  return 0.3 * share(rpm, query.rpmLimit) + 0.3 * share(rph, query.rphLimit) + 0.2 * failureRate + 0.2 * Math.min(1, fails / 5);
}

/** How many rows lie before a time; rows are in order. */
function before(minutes: readonly MinuteRow[], at: number): number {
  let low = 0;
  let high = minutes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((minutes[middle] as MinuteRow).slot < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
