/**
 * The decisions of admission and settlement over state in memory: no I/O, no clock of its own, every call in one step.
 * Adapters add what surrounds it (times, files, answers for repeated calls).
 */
import { createAffinity, STAY_MS } from './affinity.js';
import { type Charges, createCharges } from './charges.js';
import { type ChooseDeps, type Chosen, choose } from './choose.js';
import { createHealth } from './health.js';
import type { HeapWork } from './heap.js';
import type { Period } from './period.js';
import { createPool, type Pool } from './pool.js';
import type { AdmitRequest, Admitted, LimitSettings, OpenRecord, Refusal, SettleAttempt, Settled, TokenHistory, TokenUse } from './port.js';
import { countUse, createProviders, type ProviderState, passGate } from './providers.js';
import { restoreToken } from './restore.js';
import { failureRate, trimResults } from './results.js';
import { type AttemptState, answer, freeSlot, returnSend, takeSlot } from './slots.js';
import { changeHealth, type Now } from './token.js';
import { addAnswered, hourCount, minuteCount, removeAnswered, trimWindow } from './window.js';

export interface Core {
  readonly pool: Pool;
  readonly charges: Charges;
  configure(settings: LimitSettings, now: Now): void;
  resetToken(id: string, now: Now): void;
  restoreToken(history: TokenHistory, now: Now): void;
  /** An open record of an earlier run: its send may just have reached the upstream, its charge stands until it is finished. */
  adopt(record: OpenRecord, now: Now): void;
  peek(request: AdmitRequest, now: Now): Refusal | null;
  admit(request: AdmitRequest, now: Now): { readonly answer: Refusal } | { readonly answer: Admitted; readonly record: OpenRecord };
  /** Takes up an admission that another node decided. */
  admitKnown(request: AdmitRequest, chosen: KnownChoice, now: Now): OpenRecord;
  /** Undoes an admission whose open record could not be written. */
  cancel(attemptId: string, now: Now): void;
  responded(attemptId: string, served: boolean, now: Now): void;
  /** Undefined: no such attempt runs. */
  settle(attempt: SettleAttempt, now: Now): Settled | undefined;
  tokenUse(id: string, now: Now): TokenUse;
  isRunning(attemptId: string): boolean;
  /** For taking the state to another home (transfer.ts). */
  readonly inside: CoreInside;
}

export interface KnownChoice {
  readonly tokenId: string;
  readonly provider: string;
  readonly model: string;
}

export interface CoreInside {
  readonly attempts: Map<string, AttemptState>;
  readonly providers: Map<string, ProviderState>;
  settings(): LimitSettings;
  admissions(): number;
  setAdmissions(count: number): void;
}

export interface CoreDeps {
  readonly settings: LimitSettings;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly work?: HeapWork;
}

export function createCore(deps: CoreDeps): Core {
  let settings = deps.settings;
  const pool = createPool({ settings: () => settings, random: deps.random, work: deps.work ?? { comparisons: 0 } });
  const providers = new Map<string, ProviderState>();
  const provider = createProviders(providers);
  const health = createHealth({ pool, provider });
  const charges = createCharges();
  const affinity = createAffinity();
  const attempts = new Map<string, AttemptState>();
  /** Sends of open records of an earlier run, by token, until the token is restored. */
  const adopted = new Map<string, readonly number[]>();
  let admissions = 0;

  const chooseDeps: ChooseDeps = {
    pool,
    provider,
    settings: () => settings,
    bound: (request, now) => (request.affinity === null ? undefined : affinity.tokenOf(request.keyId, request.affinity, now.mono)),
  };

  /** Quota, then key rate, then pool: the first that refuses answers. */
  const decide = (request: AdmitRequest, now: Now): Chosen | Refusal => charges.refusal(request, now) ?? choose(request, now, chooseDeps);

  const begin = (request: AdmitRequest, { token, provider: name, model }: Begun, now: Now): void => {
    admissions += 1;
    attempts.set(request.attemptId, takeSlot(token, { requestId: request.requestId, provider: name, model, seq: admissions }, now));
    pool.touch(token, now);
    const state = provider(name);
    passGate(state, now.mono);
    if (token.facts?.visibility !== 'external') countUse(state, token.id);
  };

  /** The conversation goes along, unless its token is only away for a moment. */
  const bindConversation = (request: AdmitRequest, chosen: Begun, now: Now): void => {
    if (request.affinity === null || chosen.token.facts?.visibility === 'external') return;
    const bound = affinity.tokenOf(request.keyId, request.affinity, now.mono);
    const kept = bound === undefined || bound === chosen.token.id || request.exclude.includes(bound) ? undefined : pool.get(bound);
    const away = kept !== undefined && kept.status !== 'out' && kept.status !== 'parked';
    const stays = away && (kept.status !== 'waiting' || kept.freeAt - now.mono <= STAY_MS) && kept.seats.length > 0;
    affinity.bind(request.keyId, request.affinity, stays ? kept.id : chosen.token.id, now.mono);
  };

  const serve = (attempt: AttemptState, now: Now): void => {
    if (attempt.served) return;
    attempt.served = true;
    answer(attempt, now);
    health.served(attempt, now);
  };

  return {
    pool,
    charges,
    configure(next, now) {
      settings = next;
      pool.touchAll(now);
    },
    resetToken(id, now) {
      const token = pool.get(id);
      if (token === undefined) return;
      changeHealth(token, { fails: 0, cooldownUntil: 0, halfOpen: false });
      pool.touch(token, now);
    },
    restoreToken(history, now) {
      const token = pool.at(history.tokenId, now);
      // Their requests are closed by now, so the read models tell of them.
      removeAnswered(token.window, adopted.get(token.id) ?? [], now.mono);
      adopted.delete(token.id);
      restoreToken(token, history, now);
      pool.touch(token, now);
    },
    adopt(record, now) {
      if (!charges.adopt(record, now)) return;
      const token = pool.at(record.tokenId, now);
      addAnswered(token.window, [now.mono], now.mono);
      adopted.set(token.id, [...(adopted.get(token.id) ?? []), now.mono]);
      pool.touch(token, now);
    },
    peek(request, now) {
      const decided = decide(request, now);
      return decided.ok ? null : decided;
    },
    admit(request, now) {
      pool.sweep(now);
      charges.sweep(now);
      const chosen = decide(request, now);
      if (!chosen.ok) return { answer: chosen };
      const period = charges.open(request, now);
      begin(request, chosen, now);
      bindConversation(request, chosen, now);
      const { token, provider: name, model, decision } = chosen;
      const admitted: Admitted = { ok: true, tokenId: token.id, provider: name, model, decision, period, position: pool.position() };
      return { answer: admitted, record: recordOf(request, token.id, period) };
    },
    admitKnown(request, { tokenId, provider: name, model }, now) {
      const begun: Begun = { token: pool.at(tokenId, now), provider: name, model };
      const period = charges.open(request, now);
      begin(request, begun, now);
      bindConversation(request, begun, now);
      return recordOf(request, tokenId, period);
    },
    cancel(attemptId, now) {
      const attempt = attempts.get(attemptId);
      if (attempt === undefined) return;
      attempts.delete(attemptId);
      freeSlot(attempt);
      returnSend(attempt);
      pool.touch(attempt.token, now);
      charges.undo(attempt.requestId, attemptId);
    },
    responded(attemptId, served, now) {
      const attempt = attempts.get(attemptId);
      if (attempt === undefined) return;
      answer(attempt, now);
      if (served) serve(attempt, now);
      if (attempt.token.status === 'waiting') pool.touch(attempt.token, now);
    },
    settle(ended, now) {
      const attempt = attempts.get(ended.attemptId);
      if (attempt === undefined) return undefined;
      attempts.delete(ended.attemptId);
      freeSlot(attempt);
      if (ended.outcome === 'success') serve(attempt, now);
      // What had headers was sent, whatever is said later.
      if (ended.sent || attempt.respondedAt !== null) answer(attempt, now);
      else returnSend(attempt);
      const change = health.ended(attempt, ended.outcome, ended.retryAfterMs, now);
      if (ended.modelUnsupported === true) pool.markUnsupported(attempt.token, attempt.model, now);
      pool.touch(attempt.token, now);
      return { ...change, others: health.takeOthers() };
    },
    tokenUse(id, now) {
      const token = pool.get(id);
      if (token === undefined)
        return { tokenId: id, rpm: 0, rph: 0, concurrency: 0, consecutiveFails: 0, cooldownUntil: null, failureRate: 0 };
      trimWindow(token.window, now.mono);
      trimResults(token.results, now.mono);
      return {
        tokenId: id,
        rpm: minuteCount(token.window),
        rph: hourCount(token.window),
        concurrency: token.inFlight,
        consecutiveFails: token.fails,
        cooldownUntil: token.cooldownUntil > now.mono ? now.wall + (token.cooldownUntil - now.mono) : null,
        failureRate: failureRate(token.results),
      };
    },
    isRunning: (attemptId) => attempts.has(attemptId),
    inside: {
      attempts,
      providers,
      settings: () => settings,
      admissions: () => admissions,
      setAdmissions(count) {
        admissions = count;
      },
    },
  };
}

type Begun = Pick<Chosen, 'token' | 'provider' | 'model'>;

function recordOf(request: AdmitRequest, tokenId: string, period: Period): OpenRecord {
  const { requestId, terminalEventId, attemptId, attempt, userId, keyId, facts } = request;
  return { requestId, terminalEventId, attemptId, attempt, tokenId, userId, keyId, period, facts, metered: request.quota !== null };
}
