/** The limits of a single node: the core over maps, open records in a file, answers kept for repeated calls. */
import { AppError } from '../errors.js';
import type { Clock } from '../shared/clock.js';
import { createCore } from './core.js';
import { createGenerations } from './generations.js';
import type { HeapWork } from './heap.js';
import type { OpenRecords } from './openRecords.js';
import type { AdmitRequest, Admitted, Finished, LimitSettings, Limits, Refusal, Settled } from './port.js';
import type { Now } from './token.js';

export interface MemoryLimitsDeps {
  readonly clock: Clock;
  /** Uniform in [0, 1); settles ties between tokens that were never used. */
  readonly random: () => number;
  readonly openRecords: OpenRecords;
  /** Until `configure` is called: the defaults of contract §2. */
  readonly settings?: LimitSettings;
  /** Counts comparisons in the heaps. */
  readonly work?: HeapWork;
}

export const defaultLimitSettings: LimitSettings = {
  tokenRpmLimit: 10,
  tokenRphLimit: 200,
  tokenMaxConcurrent: 2,
  tokenMaxConsecutiveUses: 5,
  tokenMinSuccessRate: 0.7,
};

/** How long, and how many, answers are kept for repeated calls. What still runs is known for as long as it runs. */
const ANSWERS = { maxEntries: 8_192, maxAgeMs: 60_000 };

interface EndedCall {
  /** null: settled without ever having been admitted, so it must not begin any more. */
  readonly admitted: Promise<Admitted | Refusal> | null;
  readonly settled: Settled;
}

const nothingSettled: Settled = { cooled: null, suspend: false, consecutiveFails: 0, counted: false, others: [] };

/**
 * One process's limits. Open records of an earlier run count against quotas and windows at once. After a start:
 * put the tokens, end what `abandoned` names (event, then `finish`), and `restore` from read models that have taken
 * in everything, so that nothing counts twice or not at all.
 */
export function createMemoryLimits(deps: MemoryLimitsDeps): Limits {
  const { clock, openRecords } = deps;
  const at = (): Now => ({ mono: clock.monotonic(), wall: clock.now() });
  let settings = deps.settings ?? defaultLimitSettings;
  const core = createCore({ settings, random: deps.random, ...(deps.work === undefined ? {} : { work: deps.work }) });
  const running = new Map<string, Promise<Admitted | Refusal>>();
  const ended = createGenerations<EndedCall>(ANSWERS);
  const finished = createGenerations<Finished>(ANSWERS);
  for (const record of openRecords.abandoned()) core.adopt(record, at());

  const begin = async (request: AdmitRequest, now: Now): Promise<Admitted | Refusal> => {
    const outcome = core.admit(request, now);
    if (!('record' in outcome)) return outcome.answer;
    try {
      await openRecords.begin(outcome.record);
    } catch (error) {
      core.cancel(request.attemptId, at());
      running.delete(request.attemptId);
      throw new AppError('storage_unavailable', {
        message: 'The request could not be recorded; try again.',
        retryAfterSeconds: 1,
        cause: error,
      });
    }
    return outcome.answer;
  };

  return {
    configure(next) {
      const keys = Object.keys(next) as (keyof LimitSettings)[];
      if (keys.every((key) => next[key] === settings[key])) return;
      settings = next;
      core.configure(next, at());
    },
    async putTokens(tokens) {
      const now = at();
      for (const token of tokens) core.pool.put(token, now);
    },
    async removeToken(tokenId, position) {
      core.pool.remove(tokenId, position, at());
    },
    async resetToken(tokenId) {
      core.resetToken(tokenId, at());
    },
    async restore({ tokens, users, keys = [] }) {
      const now = at();
      for (const history of tokens) core.restoreToken(history, now);
      for (const usage of users) core.charges.restore(usage);
      for (const history of keys) core.charges.restoreKey(history, now);
    },
    async peek(request) {
      return core.peek(request, at());
    },
    admit(request) {
      const { attemptId } = request;
      const now = at();
      const known = running.get(attemptId) ?? ended.get(attemptId, now.mono)?.admitted;
      if (known === null) return Promise.reject(new AppError('conflict', { message: 'This attempt was ended before it began.' }));
      if (known !== undefined) return known;
      const answer = begin(request, now);
      // A running attempt is known for as long as it runs, and 60 s beyond.
      if (core.isRunning(attemptId)) running.set(attemptId, answer);
      else ended.put(attemptId, { admitted: answer, settled: nothingSettled }, now.mono);
      return answer;
    },
    responded(attemptId, served = false) {
      core.responded(attemptId, served, at());
    },
    async settle(attempt) {
      const { attemptId } = attempt;
      const now = at();
      const admitted = running.get(attemptId);
      const before = admitted === undefined ? ended.get(attemptId, now.mono) : undefined;
      if (before !== undefined) return before.settled;
      const settled = core.settle(attempt, now) ?? nothingSettled;
      running.delete(attemptId);
      ended.put(attemptId, { admitted: admitted ?? null, settled }, now.mono);
      return settled;
    },
    async finish(request) {
      const now = at();
      const answer = core.charges.finish(request);
      if (answer === undefined) return finished.get(request.requestId, now.mono) ?? { warned: [] };
      if (answer.warned.length > 0) finished.put(request.requestId, answer, now.mono);
      await openRecords.end(request.requestId);
      return answer;
    },
    async abandoned() {
      return openRecords.abandoned();
    },
    async tokenUse(tokenIds) {
      const now = at();
      return tokenIds.map((id) => core.tokenUse(id, now));
    },
    async userUse(userId) {
      return core.charges.userUse(userId, at());
    },
    async keyUse(keyId) {
      return core.charges.keyUse(keyId, at());
    },
    close: () => openRecords.close(),
  };
}
