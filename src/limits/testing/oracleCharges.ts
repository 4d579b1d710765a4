/** Quotas, key rates and warnings of the oracle: lists of charges, counted anew at every question. */
import { periodOf } from '../period.js';
import type { AdmitRequest, Finished, KeyHistory, OpenRecord, UserUsage } from '../port.js';
import type { TestClock } from './fixtures.js';

const DAY = 86_400_000;

interface Charge {
  readonly requestId: string;
  readonly userId: string;
  readonly day: string;
  readonly month: string;
  /** null: not metered; `unknown`: of a run that died. */
  readonly quota: AdmitRequest['quota'] | 'unknown';
  kept: boolean;
}

export type Warned = Pick<Finished['warned'][number], 'quota' | 'limit' | 'used'>;

interface ChargeRefusal {
  readonly ok: false;
  readonly code: string;
  readonly retryAfterMs: number;
}

export function createOracleCharges(clock: TestClock) {
  let charges: Charge[] = [];
  const open = new Map<string, Charge>();
  const warned = new Set<string>();
  const now = () => clock.monotonic();

  function quotaRefusal(request: AdmitRequest): ChargeRefusal | null {
    if (request.quota === null) return null;
    const { day, month } = periodOf(clock.now());
    const metered = charges.filter((charge) => charge.userId === request.userId && charge.quota !== null);
    const dayEnd = (Math.floor(clock.now() / DAY) + 1) * DAY;
    const date = new Date(clock.now());
    const monthEnd = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
    if (metered.filter((charge) => charge.month === month).length >= request.quota.monthly) {
      return { ok: false, code: 'quota_exceeded', retryAfterMs: monthEnd - clock.now() };
    }
    if (metered.filter((charge) => charge.day === day).length >= request.quota.daily) {
      return { ok: false, code: 'quota_exceeded', retryAfterMs: dayEnd - clock.now() };
    }
    return null;
  }

  function rateRefusal(request: AdmitRequest): ChargeRefusal | null {
    if (request.keyRpm === null) return null;
    const times = keyTimes(request.keyId);
    const blocking = times[times.length - request.keyRpm];
    return blocking === undefined ? null : { ok: false, code: 'key_rate_limited', retryAfterMs: blocking + 60_000 - now() };
  }

  // Rates stay used when a charge is given back: `times` outlives `charges`.
  let times: { keyId: string; at: number }[] = [];
  const keyTimes = (keyId: string) => times.filter((one) => one.keyId === keyId && one.at + 60_000 > now()).map((one) => one.at);

  function warningsOf({ userId, quota, day, month }: Charge): Warned[] {
    if (quota === null || quota === 'unknown') return [];
    const kept = charges.filter((one) => one.userId === userId && one.kept && one.quota !== null);
    const counts = [
      { quota: 'daily' as const, period: day, limit: quota.daily, used: kept.filter((one) => one.day === day).length },
      { quota: 'monthly' as const, period: month, limit: quota.monthly, used: kept.filter((one) => one.month === month).length },
    ];
    return counts.flatMap(({ period, ...warning }) => {
      if (warned.has(`${userId} ${period}`) || warning.used < warning.limit * 0.8) return [];
      warned.add(`${userId} ${period}`);
      return [warning];
    });
  }

  return {
    /** A request that is open has paid already. */
    refusal: (request: AdmitRequest) => (open.has(request.requestId) ? null : (quotaRefusal(request) ?? rateRefusal(request))),
    open({ requestId, userId, keyId, quota }: AdmitRequest) {
      if (open.has(requestId)) return;
      const charge: Charge = { requestId, userId, ...periodOf(clock.now()), quota, kept: false };
      charges.push(charge);
      open.set(requestId, charge);
      times.push({ keyId, at: now() });
    },
    finish(requestId: string, keep: boolean): Warned[] {
      const charge = open.get(requestId);
      if (charge === undefined) return [];
      open.delete(requestId);
      charge.kept = keep;
      if (!keep) charges = charges.filter((one) => one !== charge);
      return keep ? warningsOf(charge) : [];
    },
    /** Yesterday, today and tomorrow: the clock may have stepped. */
    usages(users: readonly string[]): UserUsage[] {
      return users.flatMap((userId) =>
        [-DAY, 0, DAY].map((shift) => {
          const { day, month } = periodOf(clock.now() + shift);
          const kept = charges.filter((one) => one.userId === userId && one.kept && one.quota !== null);
          const [dayUsed, monthUsed] = [kept.filter((one) => one.day === day).length, kept.filter((one) => one.month === month).length];
          return { userId, day, dayUsed, month, monthUsed };
        }),
      );
    },
    /** What read models would say of how often keys were used. */
    keyHistories: (keyIds: readonly string[]): KeyHistory[] =>
      keyIds.map((keyId) => ({ keyId, times: keyTimes(keyId).map((at) => clock.now() - (now() - at)) })),
    restored(usages: readonly UserUsage[], keys: readonly KeyHistory[]) {
      const before = keys.flatMap(({ keyId, times: past }) => past.map((wall) => ({ keyId, at: now() - (clock.now() - wall) })));
      times = [...before, ...times];
      for (const { userId, day, month } of usages) for (const period of [day, month]) warned.delete(`${userId} ${period}`);
    },
    /** Only what is charged is known, and that from elsewhere. */
    restart() {
      times = [];
      open.clear();
      warned.clear();
      charges = charges.filter((charge) => charge.kept);
    },
    adopt({ requestId, userId, period, metered }: OpenRecord) {
      const charge: Charge = { requestId, userId, ...period, quota: metered ? 'unknown' : null, kept: false };
      charges.push(charge);
      open.set(requestId, charge);
    },
    userUse(userId: string) {
      const { day, month } = periodOf(clock.now());
      const metered = charges.filter((charge) => charge.userId === userId && charge.quota !== null);
      return {
        day,
        dayUsed: metered.filter((one) => one.day === day).length,
        month,
        monthUsed: metered.filter((one) => one.month === month).length,
      };
    },
    keyUse: (keyId: string) => keyTimes(keyId).length,
  };
}
