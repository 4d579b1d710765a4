/** What open requests have reserved of their user's quotas and their key's rate. */
import { createKeyRates, type KeyRates } from './keyRates.js';
import { createPeriodCache, type Period } from './period.js';
import type { AdmitRequest, Finished, FinishRequest, KeyHistory, OpenRecord, Refusal, UserUsage } from './port.js';
import { createQuotas, type QuotaLimits, type Quotas } from './quotas.js';
import type { Now } from './token.js';

export interface OpenRequest {
  readonly userId: string;
  readonly keyId: string;
  readonly period: Period;
  /** null: not metered; `unknown`: an earlier run's. */
  readonly quota: QuotaLimits | 'unknown' | null;
  /** The attempt that opened it, and when (monotonic). */
  readonly attemptId: string;
  readonly begunAt: number;
}

export interface Charges {
  /** Quota first, then key rate; null: neither refuses. A request that is open has paid already. */
  refusal(request: AdmitRequest, now: Now): Refusal | null;
  /** Reserves, unless the request is open. Answers the period that its charge belongs to. */
  open(request: AdmitRequest, now: Now): Period;
  /** A request of an earlier run: its charge stands until it is finished. False: known already. */
  adopt(record: OpenRecord, now: Now): boolean;
  /** As if it had never been opened, where this attempt opened it. */
  undo(requestId: string, attemptId: string): void;
  /** Undefined: no such request is open. */
  finish(request: FinishRequest): Finished | undefined;
  restore(usage: UserUsage): void;
  restoreKey(history: KeyHistory, now: Now): void;
  userUse(userId: string, now: Now): Period & { readonly dayUsed: number; readonly monthUsed: number };
  keyUse(keyId: string, now: Now): number;
  /** For taking the state to another home (transfer.ts). */
  readonly inside: { readonly requests: Map<string, OpenRequest>; readonly quotas: Quotas; readonly keys: KeyRates };
  /** Forgets a few users and keys that no longer matter. */
  sweep(now: Now): void;
}

export function createCharges(): Charges {
  const quotas = createQuotas();
  const keys = createKeyRates();
  const periodAt = createPeriodCache();
  const requests = new Map<string, OpenRequest>();

  return {
    refusal(request, now) {
      if (requests.has(request.requestId)) return null;
      const { userId, keyId, quota, keyRpm } = request;
      const spent = quota === null ? null : quotas.refusal(userId, quota, periodAt(now.wall), now);
      if (spent !== null || keyRpm === null) return spent;
      const retryAfterMs = keys.waitMs(keyId, keyRpm, now.mono);
      return retryAfterMs === null ? null : { ok: false, code: 'key_rate_limited', limit: keyRpm, retryAfterMs };
    },
    open(request, now) {
      const known = requests.get(request.requestId);
      if (known !== undefined) return known.period;
      const { requestId, userId, keyId, quota, attemptId } = request;
      const period = periodAt(now.wall);
      requests.set(requestId, { userId, keyId, quota, period, attemptId, begunAt: now.mono });
      if (quota !== null) quotas.reserve(userId, period);
      keys.add(keyId, now.mono);
      return period;
    },
    adopt(record, now) {
      const { requestId, userId, keyId, period, metered, attemptId } = record;
      if (requests.has(requestId)) return false;
      requests.set(requestId, { userId, keyId, period, quota: metered ? 'unknown' : null, attemptId, begunAt: now.mono });
      if (metered) quotas.reserve(userId, period);
      return true;
    },
    undo(requestId, attemptId) {
      const request = requests.get(requestId);
      if (request?.attemptId !== attemptId) return;
      requests.delete(requestId);
      if (request.quota !== null) quotas.giveBack(request.userId, request.period);
      keys.undo(request.keyId, request.begunAt);
    },
    finish({ requestId, quota }) {
      const request = requests.get(requestId);
      if (request === undefined) return undefined;
      requests.delete(requestId);
      if (request.quota === null) return { warned: [] };
      if (quota === 'keep')
        return { warned: quotas.keep(request.userId, request.period, request.quota === 'unknown' ? null : request.quota) };
      quotas.giveBack(request.userId, request.period);
      return { warned: [] };
    },
    restore: quotas.restore,
    restoreKey({ keyId, times }, now) {
      const moved = times.map((at) => now.mono - (now.wall - at));
      keys.restore(keyId, moved, now.mono);
    },
    userUse(userId, now) {
      const period = periodAt(now.wall);
      const used = quotas.used(userId, period);
      return { ...period, dayUsed: used.day, monthUsed: used.month };
    },
    keyUse: (keyId, now) => keys.count(keyId, now.mono),
    inside: { requests, quotas, keys },
    sweep(now) {
      keys.sweep(now.mono);
      quotas.sweep(now);
    },
  };
}
