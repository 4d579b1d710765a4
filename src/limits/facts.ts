/** What a node run knows of its own doings, so that a home of the limits that lost everything can be filled again. */
import { z } from 'zod';
import { createRateFacts } from './facts/rates.js';
import type { AdmitRequest, Admitted, FinishRequest, OpenRecord, SettleAttempt, Settled } from './port.js';
import { wireSchemas } from './transfer.js';

const ms = z.number();
const attemptFacts = z.object({
  id: z.string(),
  tokenId: z.string(),
  provider: z.string(),
  model: z.string(),
  begunAt: ms,
  /** Headers or failure; null: none yet. */
  respondedAt: ms.nullable(),
  ended: z.boolean(),
});
const requestFacts = z.object({
  record: wireSchemas.openRecord,
  quota: z.object({ daily: z.number(), monthly: z.number() }).nullable(),
  opener: z.string(),
  begunAt: ms,
  fate: z.enum(['open', 'kept', 'returned']),
  /** It was a dead run's; this one is to end it. */
  left: z.boolean(),
  attempts: z.array(attemptFacts),
});
const healthFacts = z.object({ tokenId: z.string(), fails: z.int(), cooldownUntil: ms, toldAt: ms });

/** Times in ms on the database's clock. */
export const factsSchema = z.object({
  requests: z.array(requestFacts),
  rates: z.array(z.object({ keyId: z.string(), times: z.array(ms) })),
  healths: z.array(healthFacts),
});
export type Facts = z.output<typeof factsSchema>;
export type RequestFacts = Facts['requests'][number];

/** Only what the home has confirmed goes in: a call without an answer is repeated in the next home. */
export interface Ledger {
  admitted(request: AdmitRequest, answer: Admitted): void;
  responded(attemptId: string): void;
  settled(attempt: SettleAttempt, answer: Settled): void;
  finished(request: FinishRequest): void;
  left(records: readonly OpenRecord[]): void;
  /** Terminal event ids of ended requests that are not known to be archived, oldest first. */
  unarchived(most: number): readonly string[];
  /** These are archived: the read models know them from now on. */
  archived(terminalEventIds: readonly string[]): void;
  /** Requests that were begun and are not archived, on this node's monotonic clock. */
  requests(): readonly RequestFacts[];
  /** What went to upstreams for requests that are not archived, in the order they were begun; `at`: monotonic ms, null: not answered yet. */
  sends(): readonly { readonly tokenId: string; readonly terminalEventId: string; readonly at: number | null }[];
  /** All, on another clock that is `ahead` ms ahead of the monotonic one. */
  facts(ahead: number): Facts;
}

/** Beyond this the oldest ended requests are forgotten: the archive is hours behind. */
const MOST_REQUESTS = 200_000;
const MOST_HEALTHS = 20_000;

/** `clock`: monotonic ms, and wall time for rests. */
export function createLedger(clock: { monotonic(): number }): Ledger {
  const requests = new Map<string, RequestFacts>();
  const byAttempt = new Map<string, RequestFacts>();
  const byEvent = new Map<string, RequestFacts>();
  const healths = new Map<string, Facts['healths'][number]>();
  const rates = createRateFacts(clock);

  const attemptOf = (attemptId: string) => byAttempt.get(attemptId)?.attempts.find((one) => one.id === attemptId);
  const forget = (request: RequestFacts): void => {
    requests.delete(request.record.requestId);
    byEvent.delete(request.record.terminalEventId);
    for (const { id } of request.attempts) byAttempt.delete(id);
  };
  const add = (request: RequestFacts): RequestFacts => {
    requests.set(request.record.requestId, request);
    if (requests.size <= MOST_REQUESTS) return request;
    for (const old of requests.values()) {
      if (old.fate === 'open') continue;
      forget(old);
      break;
    }
    return request;
  };
  const tell = (tokenId: string, change: { consecutiveFails: number; cooled: { until: number } | null }): void => {
    const known = healths.get(tokenId);
    const cooldownUntil = change.cooled?.until ?? (change.consecutiveFails === 0 ? 0 : (known?.cooldownUntil ?? 0));
    healths.delete(tokenId);
    healths.set(tokenId, { tokenId, fails: change.consecutiveFails, cooldownUntil, toldAt: clock.monotonic() });
    const [oldest] = healths.keys();
    if (healths.size > MOST_HEALTHS && oldest !== undefined) healths.delete(oldest);
  };

  return {
    admitted(request, { tokenId, provider, model, period }) {
      const now = clock.monotonic();
      const { requestId, terminalEventId, attemptId, attempt, userId, keyId, facts, quota } = request;
      const record = { requestId, terminalEventId, attemptId, attempt, tokenId, userId, keyId, period, facts, metered: quota !== null };
      const known = requests.get(requestId);
      if (known === undefined) rates.add(keyId);
      const held = known ?? add({ record, quota, opener: attemptId, begunAt: now, fate: 'open', left: false, attempts: [] });
      if (byAttempt.has(attemptId)) return;
      held.record = { ...record, period: held.record.period, metered: held.record.metered };
      held.attempts.push({ id: attemptId, tokenId, provider, model, begunAt: now, respondedAt: null, ended: false });
      byAttempt.set(attemptId, held);
      byEvent.set(terminalEventId, held);
    },
    responded(attemptId) {
      const attempt = attemptOf(attemptId);
      if (attempt !== undefined) attempt.respondedAt ??= clock.monotonic();
    },
    settled({ attemptId, sent }, answer) {
      const held = byAttempt.get(attemptId);
      const attempt = attemptOf(attemptId);
      for (const other of answer.others) tell(other.tokenId, other);
      if (held === undefined || attempt === undefined || attempt.ended) return;
      tell(attempt.tokenId, answer);
      attempt.ended = true;
      if (sent || attempt.respondedAt !== null) attempt.respondedAt ??= clock.monotonic();
      else held.attempts = held.attempts.filter((one) => one !== attempt);
    },
    finished({ requestId, quota }) {
      const held = requests.get(requestId);
      if (held?.fate === 'open') held.fate = quota === 'keep' ? 'kept' : 'returned';
    },
    left(records) {
      for (const record of records) {
        if (requests.has(record.requestId)) continue;
        const { attemptId: opener } = record;
        byEvent.set(
          record.terminalEventId,
          add({ record, quota: null, opener, begunAt: clock.monotonic(), fate: 'open', left: true, attempts: [] }),
        );
      }
    },
    unarchived(most) {
      const ids: string[] = [];
      for (const { fate, record } of requests.values()) {
        if (fate !== 'open') ids.push(record.terminalEventId);
        if (ids.length >= most) break;
      }
      return ids;
    },
    archived(ids) {
      for (const id of ids) {
        const held = byEvent.get(id);
        if (held !== undefined && held.fate !== 'open') forget(held);
      }
    },
    requests: () => [...requests.values()],
    sends: () =>
      [...requests.values()].flatMap(({ record: { terminalEventId }, attempts }) =>
        attempts.map(({ tokenId, respondedAt }) => ({ tokenId, terminalEventId, at: respondedAt })),
      ),
    facts(ahead) {
      const maybe = (at: number | null): number | null => (at === null ? null : at + ahead);
      return {
        requests: [...requests.values()].map((held) => ({
          ...held,
          begunAt: held.begunAt + ahead,
          attempts: held.attempts.map((one) => ({ ...one, begunAt: one.begunAt + ahead, respondedAt: maybe(one.respondedAt) })),
        })),
        rates: rates.all().map(({ keyId, times }) => ({ keyId, times: times.map((at) => at + ahead) })),
        healths: [...healths.values()].map((one) => ({ ...one, toldAt: one.toldAt + ahead })),
      };
    },
  };
}
