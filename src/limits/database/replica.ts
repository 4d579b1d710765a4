/** A node's copy of the limits that live in the database: the core, who holds what in it, and the answers kept for repeated calls. */
import { AppError } from '../../errors.js';
import { type Core, createCore } from '../core.js';
import { createGenerations } from '../generations.js';
import type {
  AdmitRequest,
  Admitted,
  Finished,
  FinishRequest,
  LimitSettings,
  OpenRecord,
  PoolToken,
  Refusal,
  SettleAttempt,
  Settled,
} from '../port.js';
import type { Now } from '../token.js';
import { type AttemptEntry, dumpCore, isNewer, type LimitsState, loadAttempt, loadCore, type RequestEntry } from '../transfer.js';
import { configureOp, type LimitsOp, putOp } from './ops.js';

/** What a call answers, and what all nodes must learn of it; no `op`: nothing. */
export interface Step<T> {
  readonly answer: T;
  readonly op?: LimitsOp;
}

export interface Held {
  readonly record: OpenRecord;
  readonly run: string;
  readonly left: boolean;
}

export interface Replica {
  readonly core: Core;
  admit(request: AdmitRequest, now: Now): Step<Admitted | Refusal>;
  cancel(attemptId: string, now: Now): Step<null>;
  responded(attemptId: string, served: boolean, now: Now): Step<null>;
  settle(attempt: SettleAttempt, now: Now): Step<Settled>;
  finish(request: FinishRequest, now: Now): Step<Finished>;
  put(tokens: readonly PoolToken[], now: Now): Step<null>;
  configure(next: LimitSettings, now: Now): Step<null>;
  /** Runs that hold calls or requests. */
  runs(): ReadonlySet<string>;
  /** Requests of dead runs that `run` is to end. */
  left(run: string): readonly OpenRecord[];
  /** Applies what happened. `run`: who did it. */
  apply(op: LimitsOp, run: string, now: Now): void;
  dump(now: Now): LimitsState;
}

const ANSWERS = { maxEntries: 8_192, maxAgeMs: 60_000 };
const nothingSettled: Settled = { cooled: null, suspend: false, consecutiveFails: 0, counted: false, others: [] };

interface EndedCall {
  /** null: ended without ever having been admitted, so it must not begin any more. */
  readonly admitted: Admitted | Refusal | null;
  readonly settled: Settled;
}

export interface ReplicaDeps {
  /** Uniform in [0, 1); settles ties between tokens that were never used. */
  readonly random: () => number;
  /** This node's run. */
  readonly run: string;
  readonly state: LimitsState;
  readonly now: Now;
}

export function createReplica({ random, run: me, state, now: begin }: ReplicaDeps): Replica {
  const core = createCore({ settings: state.settings, random });
  const running = new Map<string, { readonly answer: Admitted; readonly run: string }>();
  const requests = new Map<string, Held>();
  const ended = createGenerations<EndedCall>(ANSWERS);
  const finished = createGenerations<Finished>(ANSWERS);
  /** Changes of other tokens that a sweep brought to light; the next settlement tells them. */
  let untold: Settled['others'] = [];

  const hold = (request: RequestEntry): void => {
    const { record, run, left } = request;
    requests.set(record.requestId, { record, run, left });
  };
  const holdAttempt = ({ id, run, requestId, tokenId, provider, model }: AttemptEntry): void => {
    running.set(id, { run, answer: admittedOf(tokenId, provider, model, core.charges.inside.requests.get(requestId)?.period) });
  };
  loadCore(core, state, begin);
  state.requests.forEach(hold);
  state.attempts.forEach(holdAttempt);

  const settle = (attempt: SettleAttempt, now: Now): Settled => {
    const answer = core.settle(attempt, now) ?? nothingSettled;
    const settled = untold.length === 0 ? answer : { ...answer, others: [...untold, ...answer.others] };
    untold = [];
    const admitted = running.get(attempt.attemptId)?.answer ?? null;
    running.delete(attempt.attemptId);
    ended.put(attempt.attemptId, { admitted, settled }, now.mono);
    return settled;
  };
  const finish = (request: FinishRequest, now: Now): Finished | undefined => {
    const answer = core.charges.finish(request);
    requests.delete(request.requestId);
    if (answer !== undefined && answer.warned.length > 0) finished.put(request.requestId, answer, now.mono);
    return answer;
  };
  const cancel = (attemptId: string, now: Now): void => {
    const { requestId } = core.inside.attempts.get(attemptId) ?? { requestId: '' };
    core.cancel(attemptId, now);
    if (!core.charges.inside.requests.has(requestId)) requests.delete(requestId);
    running.delete(attemptId);
    ended.put(attemptId, { admitted: null, settled: nothingSettled }, now.mono);
  };
  const sweep = (dead: string, to: string, now: Now): void => {
    for (const [attemptId, { run }] of [...running]) {
      if (run !== dead) continue;
      // It may just have reached the upstream.
      const settled = core.settle({ attemptId, outcome: 'neutral', retryAfterMs: null, sent: true }, now) ?? nothingSettled;
      untold = [...untold, ...settled.others];
      running.delete(attemptId);
      ended.put(attemptId, { admitted: null, settled: nothingSettled }, now.mono);
    }
    for (const [requestId, held] of [...requests]) if (held.run === dead) requests.set(requestId, { ...held, run: to, left: true });
  };
  const adopt = (entries: readonly RequestEntry[], attempts: readonly AttemptEntry[], now: Now): void => {
    for (const entry of entries) {
      if (core.charges.adopt(entry.record, { mono: entry.begunAt, wall: now.wall })) hold(entry);
    }
    for (const attempt of attempts) {
      if (core.inside.attempts.has(attempt.id)) continue;
      loadAttempt(core, attempt, now);
      holdAttempt(attempt);
      core.pool.touch(core.pool.at(attempt.tokenId, now), now);
    }
  };
  const admitted = (request: AdmitRequest, record: OpenRecord, answer: Admitted, run: string): void => {
    running.set(request.attemptId, { answer, run });
    const before = requests.get(request.requestId);
    requests.set(request.requestId, {
      record: before === undefined ? record : { ...record, period: before.record.period },
      run,
      left: false,
    });
  };

  return {
    core,
    admit(request, now) {
      const { attemptId } = request;
      const known = running.get(attemptId)?.answer ?? ended.get(attemptId, now.mono)?.admitted;
      if (known === null) throw new AppError('conflict', { message: 'This attempt was ended before it began.' });
      if (known !== undefined) return { answer: known.ok && known.position < 0 ? { ...known, position: core.pool.position() } : known };
      const outcome = core.admit(request, now);
      if (!('record' in outcome)) {
        ended.put(attemptId, { admitted: outcome.answer, settled: nothingSettled }, now.mono);
        return { answer: outcome.answer };
      }
      const { answer, record } = outcome;
      admitted(request, record, answer, me);
      return { answer, op: { op: 'admit', request, tokenId: answer.tokenId, provider: answer.provider, model: answer.model } };
    },
    cancel(attemptId, now) {
      const isKnown = running.has(attemptId);
      cancel(attemptId, now);
      return isKnown ? { answer: null, op: { op: 'cancel', attemptId } } : { answer: null };
    },
    responded(attemptId, served, now) {
      if (!running.has(attemptId)) return { answer: null };
      core.responded(attemptId, served, now);
      return { answer: null, op: { op: 'answered', attemptId, served } };
    },
    settle(attempt, now) {
      const { attemptId, outcome, retryAfterMs, sent, modelUnsupported = false } = attempt;
      if (!running.has(attemptId)) {
        const before = ended.get(attemptId, now.mono);
        if (before === undefined) ended.put(attemptId, { admitted: null, settled: nothingSettled }, now.mono);
        return { answer: before?.settled ?? nothingSettled };
      }
      return { answer: settle(attempt, now), op: { op: 'settle', attemptId, outcome, retryAfterMs, sent, modelUnsupported } };
    },
    finish(request, now) {
      const answer = finish(request, now);
      if (answer === undefined) return { answer: finished.get(request.requestId, now.mono) ?? { warned: [] } };
      return { answer, op: { op: 'finish', ...request } };
    },
    put(tokens, now) {
      // Every node tells the whole pool when it starts: what is known already is no news.
      const news = tokens.filter((token) => isNews(core, token));
      for (const token of news) core.pool.put(token, now);
      return news.length === 0 ? { answer: null } : { answer: null, op: putOp(news) };
    },
    configure(next, now) {
      const known = core.inside.settings();
      if (!isNewer(next, known) || sameSettings(next, known)) return { answer: null };
      core.configure(next, now);
      return { answer: null, op: configureOp(next) };
    },
    runs: () => new Set([...[...running.values()].map(({ run }) => run), ...[...requests.values()].map(({ run }) => run)]),
    left: (run) => [...requests.values()].filter((held) => held.left && held.run === run).map(({ record }) => record),
    apply(op, run, now) {
      switch (op.op) {
        case 'admit': {
          const record = core.admitKnown(op.request, op, now);
          return admitted(op.request, record, admittedOf(op.tokenId, op.provider, op.model, record.period), run);
        }
        case 'cancel':
          return cancel(op.attemptId, now);
        case 'answered':
          return core.responded(op.attemptId, op.served, now);
        case 'settle':
          return void settle(op, now);
        case 'finish':
          return void finish(op, now);
        case 'put':
          for (const token of op.tokens) core.pool.put(token, now);
          return;
        case 'remove':
          return core.pool.remove(op.tokenId, op.position, now);
        case 'reset':
          return core.resetToken(op.tokenId, now);
        case 'configure':
          if (isNewer(op.settings, core.inside.settings())) core.configure(op.settings, now);
          return;
        case 'restore':
          for (const history of op.tokens) core.restoreToken(history, now);
          for (const usage of op.users) core.charges.restore(usage);
          for (const history of op.keys) core.charges.restoreKey(history, now);
          return;
        case 'sweep':
          return sweep(op.run, op.to, now);
        case 'adopt':
          return adopt(op.requests, op.attempts, now);
      }
    },
    dump: (now) => dumpCore(core, { runOf: (id) => running.get(id)?.run ?? me, requestOf: (id) => requests.get(id) }, now),
  };
}

/** The answer of an admission that is known from the record only; why this token is not told a second time. */
function admittedOf(tokenId: string, provider: string, model: string, period = { day: '', month: '' }): Admitted {
  const decision = { candidates: [{ tokenId, score: 0, refused: null }], considered: 1, chosen: tokenId, reason: 'score' as const };
  return { ok: true, tokenId, provider, model, decision, period, position: -1 };
}

function isNews(core: Core, token: PoolToken): boolean {
  const known = core.pool.get(token.id);
  if (known === undefined || known.position < token.position) return true;
  return known.position === token.position && JSON.stringify(known.facts) !== JSON.stringify(token);
}

const FIELDS = [
  'position',
  'tokenRpmLimit',
  'tokenRphLimit',
  'tokenMaxConcurrent',
  'tokenMaxConsecutiveUses',
  'tokenMinSuccessRate',
] as const;
const sameSettings = (a: LimitSettings, b: LimitSettings): boolean => FIELDS.every((field) => a[field] === b[field]);
