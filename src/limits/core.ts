/**
 * The decisions of admission and settlement over state in memory: no I/O, no clock of its own, every call in one step.
 * Adapters add what surrounds it (times, files, answers for repeated calls).
 */
import { createAffinity, STAY_MS } from './affinity.js';
import { type ChooseDeps, type Chosen, choose } from './choose.js';
import { createHealth } from './health.js';
import type { HeapWork } from './heap.js';
import { createKeyRates } from './keyRates.js';
import { createPeriodCache, dayNumber, type Period } from './period.js';
import { createPool, type Pool } from './pool.js';
import type {
  AdmitRequest,
  Admitted,
  Finished,
  FinishRequest,
  LimitSettings,
  OpenRecord,
  Refusal,
  SettleAttempt,
  Settled,
  TokenHistory,
  TokenUse,
  UserUsage,
} from './port.js';
import { countUse, createProviders, passGate } from './providers.js';
import { createQuotas, type QuotaLimits } from './quotas.js';
import { addResult, failureRate, trimResults } from './results.js';
import { changeHealth, type Now, rollDay, type TokenState } from './token.js';
import { addAnswered, answerSend, hourCount, minuteCount, trimWindow } from './window.js';

interface AttemptState {
  readonly token: TokenState;
  readonly requestId: string;
  readonly provider: string;
  readonly model: string;
  readonly epoch: number;
  /** Monotonic. */
  readonly begunAt: number;
  readonly day: number;
  respondedAt: number | null;
  served: boolean;
}

interface RequestState {
  readonly userId: string;
  readonly keyId: string;
  readonly period: Period;
  /** null: not metered. */
  readonly quota: QuotaLimits | 'unknown' | null;
  /** The attempt that opened it, and when (monotonic). */
  readonly attemptId: string;
  readonly begunAt: number;
}

export interface Core {
  configure(settings: LimitSettings, now: Now): void;
  readonly pool: Pool;
  resetToken(id: string, now: Now): void;
  restoreToken(history: TokenHistory, now: Now): void;
  restoreUser(usage: UserUsage): void;
  /** An open record of an earlier run: its send may just have reached the upstream, its charge stands until it is finished. */
  adopt(record: OpenRecord, now: Now): void;
  peek(request: AdmitRequest, now: Now): Refusal | null;
  admit(request: AdmitRequest, now: Now): { readonly answer: Refusal } | { readonly answer: Admitted; readonly record: OpenRecord };
  /** Undoes an admission whose open record could not be written. */
  cancel(attemptId: string, now: Now): void;
  responded(attemptId: string, served: boolean, now: Now): void;
  /** Undefined: no such attempt runs. */
  settle(attempt: SettleAttempt, now: Now): Settled | undefined;
  /** Undefined: no such request is open. */
  finish(request: FinishRequest): Finished | undefined;
  tokenUse(id: string, now: Now): TokenUse;
  userUse(userId: string, now: Now): Period & { readonly dayUsed: number; readonly monthUsed: number };
  keyUse(keyId: string, now: Now): number;
  isRunning(attemptId: string): boolean;
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
  const provider = createProviders();
  const health = createHealth({ pool, provider });
  const quotas = createQuotas();
  const keys = createKeyRates();
  const affinity = createAffinity();
  const periodAt = createPeriodCache();
  const attempts = new Map<string, AttemptState>();
  const requests = new Map<string, RequestState>();
  let admissions = 0;

  const chooseDeps: ChooseDeps = {
    pool,
    provider,
    settings: () => settings,
    bound: (request, now) => (request.affinity === null ? undefined : affinity.tokenOf(request.keyId, request.affinity, now.mono)),
  };

  /** Quota, then key rate, then pool: the first that refuses answers. */
  const decide = (request: AdmitRequest, now: Now): Chosen | Refusal => {
    if (!requests.has(request.requestId)) {
      const spent = request.quota === null ? null : quotas.refusal(request.userId, request.quota, periodAt(now.wall), now);
      if (spent !== null) return spent;
      const waitMs = request.keyRpm === null ? null : keys.waitMs(request.keyId, request.keyRpm, now.mono);
      if (waitMs !== null) return { ok: false, code: 'key_rate_limited', limit: request.keyRpm ?? 0, retryAfterMs: waitMs };
    }
    return choose(request, now, chooseDeps);
  };

  const openRequest = (request: AdmitRequest, now: Now): RequestState => {
    const known = requests.get(request.requestId);
    if (known !== undefined) return known;
    const { userId, keyId, quota, attemptId } = request;
    const made: RequestState = { userId, keyId, quota, period: periodAt(now.wall), attemptId, begunAt: now.mono };
    requests.set(request.requestId, made);
    if (quota !== null) quotas.reserve(userId, made.period);
    keys.add(keyId, now.mono);
    return made;
  };

  const takeSlot = (request: AdmitRequest, chosen: Chosen, now: Now): void => {
    const { token } = chosen;
    rollDay(token, now.wall);
    attempts.set(request.attemptId, {
      token,
      requestId: request.requestId,
      provider: chosen.provider,
      model: chosen.model,
      epoch: token.epoch,
      begunAt: now.mono,
      day: token.day,
      respondedAt: null,
      served: false,
    });
    token.window.unanswered += 1;
    token.inFlight += 1;
    token.epochInFlight += 1;
    token.dayUsed += 1;
    token.lastUsedAt = now.mono;
    admissions += 1;
    token.lastSeq = admissions;
    pool.touch(token, now);
    const state = provider(chosen.provider);
    passGate(state, now.mono);
    if (token.facts?.visibility !== 'external') countUse(state, token.id);
  };

  /** The conversation goes along, unless its token is only away for a moment. */
  const bindConversation = (request: AdmitRequest, chosen: Chosen, now: Now): void => {
    if (request.affinity === null || chosen.token.facts?.visibility === 'external') return;
    const bound = affinity.tokenOf(request.keyId, request.affinity, now.mono);
    const kept = bound === undefined || bound === chosen.token.id || request.exclude.includes(bound) ? undefined : pool.get(bound);
    const away = kept !== undefined && kept.status !== 'out' && kept.status !== 'parked';
    const stays = away && (kept.status !== 'waiting' || kept.freeAt - now.mono <= STAY_MS) && kept.seats.length > 0;
    affinity.bind(request.keyId, request.affinity, stays ? kept.id : chosen.token.id, now.mono);
  };

  const freeSlot = (attempt: AttemptState): void => {
    attempt.token.inFlight -= 1;
    if (attempt.epoch === attempt.token.epoch) attempt.token.epochInFlight -= 1;
  };

  /** The upstream never saw it. */
  const returnSend = (attempt: AttemptState): void => {
    const { token } = attempt;
    token.window.unanswered -= 1;
    if (token.day === attempt.day) token.dayUsed -= 1;
  };

  const respond = (attempt: AttemptState, now: Now): void => {
    if (attempt.respondedAt !== null) return;
    attempt.respondedAt = now.mono;
    answerSend(attempt.token.window, now.mono);
  };

  const serve = (attempt: AttemptState, now: Now): void => {
    if (attempt.served) return;
    attempt.served = true;
    respond(attempt, now);
    health.served(attempt, now);
  };

  const sweep = (now: Now): void => {
    pool.sweep(now);
    keys.sweep(now.mono);
    quotas.sweep(now, periodAt(now.wall));
  };

  return {
    pool,
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
      if (token.restored) return;
      restoreInto(token, history, now);
      pool.touch(token, now);
    },
    restoreUser: quotas.restore,
    adopt(record, now) {
      if (requests.has(record.requestId)) return;
      const { userId, keyId, period, metered, attemptId } = record;
      requests.set(record.requestId, { userId, keyId, period, quota: metered ? 'unknown' : null, attemptId, begunAt: now.mono });
      if (metered) quotas.reserve(userId, period);
      const token = pool.at(record.tokenId, now);
      addAnswered(token.window, [now.mono], now.mono);
      pool.touch(token, now);
    },
    peek(request, now) {
      const decided = decide(request, now);
      return decided.ok ? null : decided;
    },
    admit(request, now) {
      sweep(now);
      const chosen = decide(request, now);
      if (!chosen.ok) return { answer: chosen };
      const { period } = openRequest(request, now);
      takeSlot(request, chosen, now);
      bindConversation(request, chosen, now);
      const { token, provider: name, model, decision } = chosen;
      const answer: Admitted = { ok: true, tokenId: token.id, provider: name, model, decision, period, position: pool.position() };
      return { answer, record: recordOf(request, token.id, period) };
    },
    cancel(attemptId, now) {
      const attempt = attempts.get(attemptId);
      if (attempt === undefined) return;
      attempts.delete(attemptId);
      freeSlot(attempt);
      returnSend(attempt);
      pool.touch(attempt.token, now);
      const request = requests.get(attempt.requestId);
      if (request?.attemptId !== attemptId) return;
      requests.delete(attempt.requestId);
      if (request.quota !== null) quotas.giveBack(request.userId, request.period);
      keys.undo(request.keyId, request.begunAt);
    },
    responded(attemptId, served, now) {
      const attempt = attempts.get(attemptId);
      if (attempt === undefined) return;
      respond(attempt, now);
      if (served) serve(attempt, now);
      if (attempt.token.status === 'waiting') pool.touch(attempt.token, now);
    },
    settle(ended, now) {
      const attempt = attempts.get(ended.attemptId);
      if (attempt === undefined) return undefined;
      attempts.delete(ended.attemptId);
      freeSlot(attempt);
      const { token } = attempt;
      if (ended.outcome === 'success') serve(attempt, now);
      // What had an answer was sent, whatever is said later.
      if (ended.sent || attempt.respondedAt !== null) respond(attempt, now);
      else returnSend(attempt);
      const change = health.ended(attempt, ended.outcome, ended.retryAfterMs, now);
      if (ended.modelUnsupported === true) pool.markUnsupported(token, attempt.model, now);
      pool.touch(token, now);
      return { ...change, others: health.takeOthers() };
    },
    finish({ requestId, quota }) {
      const request = requests.get(requestId);
      if (request === undefined) return undefined;
      requests.delete(requestId);
      if (request.quota === null) return { warned: [] };
      if (quota === 'return') {
        quotas.giveBack(request.userId, request.period);
        return { warned: [] };
      }
      return { warned: quotas.keep(request.userId, request.period, request.quota === 'unknown' ? null : request.quota) };
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
    userUse(userId, now) {
      const period = periodAt(now.wall);
      const used = quotas.used(userId, period);
      return { ...period, dayUsed: used.day, monthUsed: used.month };
    },
    keyUse: (keyId, now) => keys.count(keyId, now.mono),
    isRunning: (attemptId) => attempts.has(attemptId),
  };
}

function recordOf(request: AdmitRequest, tokenId: string, period: Period): OpenRecord {
  const { requestId, terminalEventId, attemptId, attempt, userId, keyId, facts } = request;
  return { requestId, terminalEventId, attemptId, attempt, tokenId, userId, keyId, period, facts, metered: request.quota !== null };
}

/** Once per token: a second restore would count its sends twice. Times of the past become times of this clock. */
function restoreInto(token: TokenState, history: TokenHistory, now: Now): void {
  token.restored = true;
  const monoOf = (wall: number): number => now.mono - (now.wall - wall);
  addAnswered(token.window, history.sends.map(monoOf), now.mono);
  const since = history.lastUsedAt === null ? now.mono : Math.min(now.mono, monoOf(history.lastUsedAt));
  for (const ok of history.results.slice(-100)) addResult(token.results, ok, since);
  token.fails = Math.max(token.fails, history.consecutiveFails);
  if (history.cooldownUntil !== null) token.cooldownUntil = Math.max(token.cooldownUntil, monoOf(history.cooldownUntil));
  token.halfOpen = token.halfOpen || token.fails >= 2 || token.cooldownUntil > now.mono;
  if (history.lastUsedAt !== null) token.lastUsedAt = Math.max(token.lastUsedAt ?? since, since);
  if (history.dayUsed !== undefined) {
    token.day = dayNumber(now.wall);
    token.dayUsed = Math.max(token.dayUsed, history.dayUsed);
  }
}
