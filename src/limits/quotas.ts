/** Day and month quotas of users: reserved at the first attempt, kept or given back at the end. N allowed admits exactly N. */
import { type Period, periodEnd } from './period.js';
import type { Finished, Refusal, UserUsage } from './port.js';
import { createSweep } from './sweep.js';
import type { Now } from './token.js';

/** Share of a quota whose use is worth a warning. */
const WARN_AT = 0.8;
/** Periods kept for a user: enough that a clock stepping over midnight and back finds its counts again. */
const KEPT = 3;

interface Count {
  readonly period: string;
  /** Charged for good. */
  kept: number;
  /** Begun, not ended. */
  reserved: number;
  warned: boolean;
  /** What an earlier run had charged; a warning due by then was given by it. */
  restored: number;
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
  sweep(now: Now, period: Period): void;
}

export function createQuotas(): Quotas {
  const users = new Map<string, UserCounts>();
  let current: Period = { day: '', month: '' };
  const sweepUsers = createSweep(users, (user: UserCounts) => isPast(user.months, current.month) && isPast(user.days, current.day));

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
    sweep(now, period) {
      current = period;
      sweepUsers(now.mono);
    },
  };
}

function countOf(counts: Count[], period: string): Count {
  const known = counts.find((count) => count.period === period);
  if (known !== undefined) return known;
  const made: Count = { period, kept: 0, reserved: 0, warned: false, restored: 0 };
  counts.push(made);
  if (counts.length > KEPT) {
    const oldest = counts.findIndex((count) => count.reserved === 0 && count !== made);
    if (oldest >= 0) counts.splice(oldest, 1);
  }
  return made;
}

function isPast(counts: readonly Count[], period: string): boolean {
  return counts.every((count) => count.reserved === 0 && count.period < period);
}

function usedIn(counts: readonly Count[] | undefined, period: string): number {
  const count = counts?.find((one) => one.period === period);
  return count === undefined ? 0 : count.kept + count.reserved;
}

function refusalOf(quota: 'daily' | 'monthly', limit: number, used: number, period: string, now: Now): QuotaRefusal {
  const resetAt = periodEnd(period);
  return { ok: false, code: 'quota_exceeded', quota, limit, used, resetAt, retryAfterMs: Math.max(0, resetAt - now.wall) };
}

function raise(count: Count, used: number): void {
  count.kept = Math.max(count.kept, used);
  count.restored = Math.max(count.restored, used);
}

/** Once a period: also where a lowered quota, not this request, is what carried the use over the mark. */
function warningOf(quota: 'daily' | 'monthly', count: Count, limit: number): Finished['warned'] {
  if (count.warned || count.kept < limit * WARN_AT || count.restored >= limit * WARN_AT) return [];
  count.warned = true;
  return [{ quota, limit, used: count.kept, resetAt: periodEnd(count.period) }];
}
