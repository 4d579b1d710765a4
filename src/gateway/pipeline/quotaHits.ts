/** Records that a user ran into a quota: at once, then at most once a minute per user and quota. */
import type { Refusal } from '../../limits/port.js';
import type { GatewayDeps } from '../deps.js';
import { trafficEvent } from './events.js';
import type { Run } from './run.js';

type QuotaRefusal = Extract<Refusal, { code: 'quota_exceeded' }>;

export interface QuotaHits {
  record(run: Run, refusal: QuotaRefusal): void;
}

const WINDOW_MS = 60_000;
const MAX_USERS = 10_000;

export function createQuotaHits(deps: Pick<GatewayDeps, 'log' | 'ids' | 'clock' | 'nodeId' | 'logger'>): QuotaHits {
  const last = new Map<string, number>();
  return {
    record(run, refusal) {
      const { userId, keyId } = run.caller;
      const key = `${userId}:${refusal.quota}`;
      const now = deps.clock.monotonic();
      if (now - (last.get(key) ?? Number.NEGATIVE_INFINITY) < WINDOW_MS) return;
      last.delete(key);
      if (last.size >= MAX_USERS) last.delete(last.keys().next().value ?? '');
      last.set(key, now);
      const data = { quota: refusal.quota, limit: refusal.limit, used: refusal.used, resetAt: refusal.resetAt, keyId };
      const event = trafficEvent(
        { type: 'kirogate.quota.hit', subject: `user/${userId}`, key: userId, actor: `key/${keyId}`, correlationId: run.requestId, data },
        deps,
      );
      deps.log.append(event).catch((error: unknown) => deps.logger.error({ err: error }, 'a quota hit could not be logged'));
    },
  };
}
