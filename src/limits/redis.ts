/** The limits of a cluster: the decisions of the core as Lua scripts over one Redis, the same for all nodes and atomic. */
import type { Logger } from 'pino';
import { AppError } from '../errors.js';
import type { RedisConnection, RedisReply } from '../infra/redis/connection.js';
import type { Clock } from '../shared/clock.js';
import type { HomeLimits } from './home/port.js';
import type { LimitSettings, PoolToken } from './port.js';
import { createBacklog } from './redis/backlog.js';
import { createCalls, loadLimitsScripts, RETRY_AFTER_MS, type ScriptCall } from './redis/calls.js';
import { createInForce } from './redis/inForce.js';
import {
  readAnswer,
  readCount,
  readFinished,
  readNames,
  readOpenRecord,
  readRefusal,
  readSettled,
  readTokenUse,
  readUserUse,
} from './redis/records.js';
import { type Argument, batches, historyArgument, requestArguments, settleArguments, tokenArgument } from './redis/requests.js';
import { adopt } from './redis/seed.js';

/** One hash tag for all keys, so that scripts may touch any of them. */
const ROOT = 'kirogate:{limits}:';
const LIFE_SIGN_MS = 2_000;
/** Open records answered at once; what is finished makes room for the next ones. */
const LEFT_AT_ONCE = 500;
const MOST_SWEEPS = 1_000;

export interface RedisLimitsDeps {
  readonly redis: RedisConnection;
  /** This process run: leases and open records live as long as its life sign (every 2 s; dead after 15 s). */
  readonly runId: string;
  /** Uniform in [0, 1); settles ties between tokens that were never used. */
  readonly random: () => number;
  /** Put in force where the limits hold none yet. */
  readonly settings: LimitSettings;
  readonly logger?: Logger;
  /** For tests: scripts take the time from it. Otherwise from Redis, the same for all nodes. */
  readonly clock?: Clock;
  /** For tests: what all keys begin with. */
  readonly root?: string;
  /** Pauses between tries of one call, ms. */
  readonly retryAfterMs?: readonly number[];
  /** Which of these runs, silent in Redis, are dead elsewhere too; rejects or answers none where that is not known. Absent: all. */
  readonly deadRuns?: (runIds: readonly string[]) => Promise<readonly string[]>;
  /** A home that was filled and opened by someone who also repeats the calls that Redis did not answer. */
  readonly isHeld?: boolean;
  /** Redis holds no limits under this root (any more). */
  readonly onClosed?: () => void;
}

/** `sweep` also gives a life sign, and makes the calls that Redis did not answer before. */
export type RedisLimits = HomeLimits;

/** Opens the limits and gives the first life sign. Rejects with `storage_unavailable` where Redis does not answer. */
export async function createRedisLimits(deps: RedisLimitsDeps): Promise<RedisLimits> {
  const { random, logger, retryAfterMs = RETRY_AFTER_MS, isHeld = false } = deps;
  const callDeps = {
    scripts: loadLimitsScripts(),
    redis: deps.redis,
    root: deps.root ?? ROOT,
    runId: deps.runId,
    clock: deps.clock,
    onClosed: deps.onClosed,
  };
  const call = createCalls({ ...callDeps, retryAfterMs });
  const backlog = createBacklog(call);
  const inForce = createInForce({ call, callOnce: createCalls({ ...callDeps, retryAfterMs: [] }), settings: deps.settings });
  const background = createBackground(logger);

  /** What must happen in the end is done later where Redis does not answer now. */
  const surely = async <T>(script: string, args: readonly Argument[], read: (reply: RedisReply) => T): Promise<T> => {
    const reply = await call(script, args).catch((error: unknown) => {
      if (!isHeld) backlog.add(script, args);
      throw error;
    });
    return read(reply);
  };
  const sweep = async (): Promise<void> => {
    await sweepRuns(call, deps.deadRuns);
    await inForce.retry();
    await backlog.flush();
  };

  if (!isHeld) await inForce.open();
  await sweep();
  let sweeping = false;
  const timer = setInterval(() => {
    if (sweeping) return;
    sweeping = true;
    background.run(sweep().finally(() => (sweeping = false)));
  }, LIFE_SIGN_MS);
  timer.unref();

  return {
    sweep,
    configure(next) {
      background.run(inForce.change(next));
    },
    async putTokens(tokens: readonly PoolToken[]) {
      for (const some of batches(tokens))
        await call(
          'putTokens',
          some.map((token) => tokenArgument(token, random())),
        );
    },
    async removeToken(tokenId, position) {
      await call('removeToken', [tokenId, position, random()]);
    },
    async resetToken(tokenId) {
      await call('resetToken', [tokenId]);
    },
    async restore({ tokens, users, keys = [] }) {
      for (const some of batches(tokens))
        await call(
          'restoreTokens',
          some.map((history) => historyArgument(history, random())),
        );
      for (const some of batches(users)) {
        await call(
          'restoreUsers',
          some.flatMap(({ userId, day, dayUsed, month, monthUsed }) => [userId, day, dayUsed, month, monthUsed]),
        );
      }
      for (const some of batches(keys))
        await call(
          'restoreKeys',
          some.map(({ keyId, times }) => JSON.stringify({ key: keyId, times })),
        );
    },
    async peek(request) {
      return readRefusal(await call('peekRequest', requestArguments(request)));
    },
    async admit(request) {
      try {
        return readAnswer(await call('admitRequest', requestArguments(request)));
      } catch (error) {
        // Whether it was admitted is not known: take it back, and refuse it should it come yet.
        if (!isHeld && !(error instanceof AppError && error.code === 'conflict')) backlog.add('cancelAttempt', [request.attemptId]);
        throw error;
      }
    },
    async cancel(attemptId) {
      await call('cancelAttempt', [attemptId]);
    },
    adopt: (requests, attempts) => adopt(call, requests, attempts, random),
    responded(attemptId, served = false) {
      background.run(call('answerAttempt', [attemptId, served ? 1 : 0]));
    },
    settle: (attempt) => surely('settleAttempt', settleArguments(attempt), readSettled),
    finish: ({ requestId, quota }) => surely('finishRequest', [requestId, quota], readFinished),
    async abandoned() {
      await sweep();
      const left = await call('listLeft', [LEFT_AT_ONCE]);
      const records = Array.isArray(left) ? left.map(readOpenRecord) : [];
      if (records.includes(undefined)) logger?.error('an open record in Redis could not be read and is skipped');
      return records.flatMap((record) => record ?? []);
    },
    async tokenUse(tokenIds) {
      const uses = [];
      for (const some of batches(tokenIds)) {
        const replies = await call('readTokens', some);
        uses.push(...some.map((id, i) => readTokenUse(id, Array.isArray(replies) ? replies[i] : undefined)));
      }
      return uses;
    },
    async userUse(userId) {
      return readUserUse(await call('readUser', [userId]));
    },
    async keyUse(keyId) {
      return readCount(await call('readKey', [keyId]));
    },
    async close() {
      clearInterval(timer);
      await background.done();
    },
  };
}

/** Until nothing is left to sweep, or for so long that the next sign is due. */
async function sweepRuns(call: ScriptCall, deadRuns: RedisLimitsDeps['deadRuns']): Promise<void> {
  if (deadRuns === undefined) return sweepUp(() => call('sweepRuns'));
  const silent = readNames(await call('sweepRuns', ['ask']));
  if (silent.length === 0) return;
  for (const run of await deadRuns(silent)) await sweepUp(() => call('sweepRuns', [run]));
}

async function sweepUp(step: () => Promise<RedisReply>): Promise<void> {
  for (let steps = 0; steps < MOST_SWEEPS; steps += 1) if (readCount(await step()) === 0) return;
}

/** Calls that nobody waits for, but the end of the adapter. */
function createBackground(logger: Logger | undefined) {
  const running = new Set<Promise<void>>();
  return {
    run(work: Promise<unknown>): void {
      const done: Promise<void> = work
        .then(() => undefined)
        .catch((error: unknown) => logger?.debug({ err: error }, 'Redis did not take what the limits had to tell'))
        .finally(() => running.delete(done));
      running.add(done);
    },
    done: () => Promise.all(running),
  };
}
