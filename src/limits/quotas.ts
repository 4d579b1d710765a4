/** Day and month quotas of users: reserved at the first attempt, kept or given back at the end. N allowed admits exactly N. */
import { DAY_MS, type Period, periodEnd } from './period.js';
import type { Finished, Refusal, UserUsage } from './port.js';
import { createSweep } from './sweep.js';
import type { Now } from './token.js';

/** Share of a quota whose use is worth a warning. */
export const WARN_AT = 0.8;
/** Periods kept for a user, and how long after the last one's end: a clock stepping over midnight and back finds its counts again. */
const KEPT = 3;
const KEEP_USER_MS = 2 * DAY_MS;

export interface Count {
  readonly period: string;
  /** Charged for good. */
  kept: number;
  /** Begun, not ended. */
  reserved: number;
  warned: boolean;
}

interface UserCounts {
  days: Count[];
  months: Count[];
}

export interface QuotaLimits {
  readonly daily: number;
  readonly monthly: number;
}

export type QuotaRefusal = Extract<Refusal, { code: 'quota_exceeded' }>;

export interface Quotas {
  refusal(userId: string, limits: QuotaLimits, period: Period, now: Now): QuotaRefusal | null;
  reserve(userId: string, period: Period): void;
  giveBack(userId: string, period: Period): void;
  /** Makes the charge final; answers the quotas that crossed 80 % by it. */
  keep(userId: string, period: Period, limits: QuotaLimits | null): Finished['warned'];
  restore(usage: UserUsage): void;
  used(userId: string, period: Period): { readonly day: number; readonly month: number };
  /** Every count, for another home of the limits. */
  all(): Iterable<readonly [string, Readonly<Count>]>;
  /** Takes over what was charged for good in another home. */
  take(userId: string, count: Pick<Count, 'period' | 'kept' | 'warned'>): void;
  /** Forgets a few users whose periods are long over. */
  sweep(now: Now): void;
}

export function createQuotas(): Quotas {
  const users = new Map<string, UserCounts>();
  let wall = 0;
  const sweepUsers = createSweep(users, ({ days, months }: UserCounts) => isPast(months, wall) && isPast(days, wall));

  const countsOf = (userId: string, period: Period): { day: Count; month: Count } => {
    const user = users.get(userId) ?? { days: [], months: [] };
    users.set(userId, user);
    return { day: countOf(user.days, period.day), month: countOf(user.months, period.month) };
  };
  const peek = (userId: string, period: Period): { day: number; month: number } => {
    const user = users.get(userId);
    return { day: usedIn(user?.days, period.day), month: usedIn(user?.months, period.month) };
  };

  return {
    refusal(userId, limits, period, now) {
      const used = peek(userId, period);
      // The month first: where both are used up, the day's end would bring nothing.
      if (used.month >= limits.monthly) return refusalOf('monthly', limits.monthly, used.month, period.month, now);
      if (used.day >= limits.daily) return refusalOf('daily', limits.daily, used.day, period.day, now);
      return null;
    },
    reserve(userId, period) {
      const { day, month } = countsOf(userId, period);
      day.reserved += 1;
      month.reserved += 1;
    },
    giveBack(userId, period) {
      const { day, month } = countsOf(userId, period);
      day.reserved -= 1;
      month.reserved -= 1;
    },
    keep(userId, period, limits) {
      const { day, month } = countsOf(userId, period);
      for (const count of [day, month]) {
        count.reserved -= 1;
        count.kept += 1;
      }
      if (limits === null) return [];
      return [...warningOf('daily', day, limits.daily), ...warningOf('monthly', month, limits.monthly)];
    },
    restore(usage) {
      const { day, month } = countsOf(usage.userId, { day: usage.day, month: usage.month });
      raise(day, usage.dayUsed);
      raise(month, usage.monthUsed);
    },
    used: peek,
    *all() {
      for (const [userId, user] of users) for (const count of [...user.days, ...user.months]) yield [userId, count] as const;
    },
    take(userId, { period, kept, warned }) {
      const user = users.get(userId) ?? { days: [], months: [] };
      users.set(userId, user);
      const count = countOf(period.length > 7 ? user.days : user.months, period);
      count.kept += kept;
      count.warned ||= warned;
    },
    sweep(now) {
      wall = now.wall;
      sweepUsers(now.mono);
    },
  };
}

function countOf(counts: Count[], period: string): Count {
  const known = counts.find((count) => count.period === period);
  if (known !== undefined) return known;
  const made: Count = { period, kept: 0, reserved: 0, warned: false };
  counts.push(made);
  // The oldest by its date, not by its making: a clock that stepped back makes an earlier period last.
  const idle = counts.filter((count) => count.reserved === 0 && count !== made).sort((a, b) => (a.period < b.period ? -1 : 1));
  for (const count of idle.slice(0, Math.max(0, counts.length - KEPT))) counts.splice(counts.indexOf(count), 1);
  return made;
}

function isPast(counts: readonly Count[], wall: number): boolean {
  return counts.every((count) => count.reserved === 0 && periodEnd(count.period) + KEEP_USER_MS < wall);
}

function usedIn(counts: readonly Count[] | undefined, period: string): number {
  const count = counts?.find((one) => one.period === period);
  return count === undefined ? 0 : count.kept + count.reserved;
}

function refusalOf(quota: 'daily' | 'monthly', limit: number, used: number, period: string, now: Now): QuotaRefusal {
  const resetAt = periodEnd(period);
  return { ok: false, code: 'quota_exceeded', quota, limit, used, resetAt, retryAfterMs: Math.max(0, resetAt - now.wall) };
}

/** Whether an earlier run's warning reached the log is not known here: it is due again, and the log keeps one of a period. */
function raise(count: Count, used: number): void {
  count.kept = Math.max(count.kept, used);
  count.warned = false;
}

/** Once a period: also where a lowered quota, not this request, is what carried the use over the mark. */
function warningOf(quota: 'daily' | 'monthly', count: Count, limit: number): Finished['warned'] {
  if (count.warned || count.kept < limit * WARN_AT) return [];
  count.warned = true;
  return [{ quota, limit, used: count.kept, resetAt: periodEnd(count.period) }];
}
