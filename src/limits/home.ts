/** The limits of a cluster wherever they live: in Redis, in the database while every node has lost Redis, and back. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AppError } from '../errors.js';
import type { Database, Queryable } from '../infra/database/port.js';
import type { RedisConnection } from '../infra/redis/connection.js';
import type { Clock } from '../shared/clock.js';
import { createLedger } from './facts.js';
import { createAnswers } from './home/answers.js';
import { findArchived } from './home/builder.js';
import { createKeeper } from './home/keeper.js';
import { defaultTimings, type HomeState, type RunSeen, type Timings } from './home/keeping.js';
import { createOutbox } from './home/outbox.js';
import type { HomeLimits } from './home/port.js';
import { createRedisPlace } from './home/redisPlace.js';
import { noteSends } from './home/sends.js';
import { isUnavailable, type Tenure, unavailable } from './home/tenure.js';
import { createTold } from './home/told.js';
import type { LimitSettings, Limits, PoolToken, RestoredState } from './port.js';

/** How long a call waits for a home before it is refused. */
const HOLD_MS = 3_000;
const AGAIN_MS = 100;
const PRUNE_EVERY_MS = 5_000;
const PRUNE_AT_ONCE = 10_000;

export interface ClusterLimitsDeps {
  readonly db: Database;
  readonly redis: RedisConnection;
  /** This process run, as in the database's node_runs. */
  readonly runId: string;
  readonly random: () => number;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Logger;
  /** Does this node reach Redis? The same word that its life sign gives. */
  readonly redisUp: () => boolean;
  /** Runs that may not be taken for dead, this one included, and what each says of Redis. Rejects where that is not known. */
  readonly living: () => Promise<readonly RunSeen[]>;
  /** Which of these runs the database calls dead; none where it cannot say. */
  readonly deadRuns: (runIds: readonly string[]) => Promise<readonly string[]>;
  /** Is the database known not to answer? Default: never. */
  readonly databaseLost?: () => boolean;
  /** The database is lost, and nobody can have moved the home on from this term. Default: never known. */
  readonly isHomeStill?: (term: number) => boolean;
  /** Settings (with their control position) and tokens as this node's directory has them. */
  readonly poolState: () => { readonly settings: LimitSettings; readonly tokens: readonly PoolToken[] };
  readonly readRestore: (db: Queryable, now: number) => Promise<RestoredState>;
  /** Which of these event ids are in the archive; at most 2,000 are asked for at once. */
  readonly archivedIds: (db: Queryable, ids: readonly string[]) => Promise<readonly string[]>;
  /** Home, term, openness or being cut off has changed. */
  readonly onChange?: (state: HomeState) => void;
  readonly timings?: Partial<Timings>;
  readonly holdMs?: number;
}

export interface ClusterLimits extends Limits {
  state(): HomeState;
  /** Looks at once whether the limits have moved, or should; also runs by itself. Never rejects. */
  look(): Promise<void>;
}

/**
 * Starts to keep this node where the limits live, and resolves after the first look, be they open or not (`state().open`).
 * Their content comes from the home itself: `restore` does nothing. `putTokens` and the like never reject.
 */
export async function createClusterLimits(deps: ClusterLimitsDeps): Promise<ClusterLimits> {
  const { db, redis, runId, random, logger, holdMs = HOLD_MS } = deps;
  const monotonic = (): number => deps.clock.monotonic();
  const ledger = createLedger({ monotonic });
  const timings = { ...defaultTimings, ...deps.timings };
  const place = createRedisPlace({ redis, runId, random });
  let lastWord = '';
  const keeper = createKeeper({
    ...{ db, redis, place, ledger, runId, random, logger, monotonic, timings },
    ...{ redisUp: deps.redisUp, living: deps.living, deadRuns: deps.deadRuns },
    ...{ poolState: deps.poolState, readRestore: deps.readRestore, archivedIds: deps.archivedIds },
    settings: () => deps.poolState().settings,
    databaseLost: deps.databaseLost ?? (() => false),
    isHomeStill: deps.isHomeStill ?? (() => false),
    onOpen() {
      told.again();
      outbox.flush();
    },
    onChange() {
      const state = keeper.state();
      const word = JSON.stringify(state);
      if (word !== lastWord) deps.onChange?.(state);
      lastWord = word;
    },
  });
  const told = createTold(keeper.tenure, monotonic);
  const outbox = createOutbox({ tenure: keeper.tenure, logger });

  /** A call that may be made again, in the same home or the next one, for as long as a caller may wait. */
  const held = async <T>(work: (limits: HomeLimits) => Promise<T>, confirm: (answer: T) => void = () => undefined): Promise<T> => {
    const end = monotonic() + holdMs;
    for (;;) {
      const home: Tenure = await keeper.whenOpen(Math.max(0, end - monotonic()));
      try {
        return await home.call(work, confirm);
      } catch (error) {
        if (!isUnavailable(error) || monotonic() >= end) throw error;
        // In a home that goes on, a failure is the database's word, while a Redis that takes no writes may be about to be left;
        // where it ends or its connection is gone, the next one is asked.
        if (keeper.tenure() !== home) continue;
        if (home.home === 'database') throw error;
        await wait(AGAIN_MS);
      }
    }
  };
  /** What a page shows is not waited for where nobody is admitted anyway. */
  const shown = <T>(work: (limits: HomeLimits) => Promise<T>): Promise<T> =>
    keeper.state().cutOff ? Promise.reject(unavailable()) : held(work);
  const prune = async (): Promise<void> => {
    outbox.flush();
    told.flush();
    ledger.archived([...(await findArchived(db, ledger.unarchived(PRUNE_AT_ONCE), deps.archivedIds))]);
  };
  const quietly = (work: Promise<unknown>): void =>
    void work.catch((error: unknown) => logger.debug({ err: error }, 'told to the limits in vain'));
  const timer = setInterval(() => quietly(prune()), PRUNE_EVERY_MS);
  timer.unref();
  const answers = createAnswers((attemptId, served) => {
    const say = async (limits: HomeLimits): Promise<void> => limits.responded(attemptId, served);
    quietly(outbox.surely(say, nothing));
  });
  const endNotes = noteSends({ db, ledger, runId, monotonic, everyMs: timings.noteMs, logger });
  await keeper.look();

  return {
    state: keeper.state,
    look: keeper.look,
    configure: told.configure,
    putTokens: (tokens) => told.put(tokens.map((token) => ({ token }))),
    removeToken: (tokenId, position) => told.put([{ removed: tokenId, position }]),
    resetToken: (tokenId) => outbox.surely((limits) => limits.resetToken(tokenId), nothing).catch(nothing),
    restore: async () => undefined,
    peek: (request) => held((limits) => limits.peek(request)),
    async admit(request) {
      let calls = 0;
      try {
        return await held(
          (limits) => {
            calls += 1;
            return limits.admit(request);
          },
          (answer) => {
            if (answer.ok) ledger.admitted(request, answer);
          },
        );
      } catch (error) {
        // Whether it was admitted is not known: take it back, and refuse it should it come yet.
        const isEnded = calls > 1 && error instanceof AppError && error.code === 'conflict';
        if (!isEnded && !isUnavailable(error)) throw error;
        quietly(outbox.surely((limits) => limits.cancel(request.attemptId), nothing));
        throw isEnded ? unavailable() : error;
      }
    },
    responded(attemptId, served = false) {
      ledger.responded(attemptId);
      answers.responded(attemptId, served);
    },
    settle(attempt) {
      answers.settling(attempt);
      return outbox.surely(
        (limits) => limits.settle(attempt),
        (answer) => ledger.settled(attempt, answer),
      );
    },
    finish: (request) =>
      outbox.surely(
        (limits) => limits.finish(request),
        () => ledger.finished(request),
      ),
    abandoned: () => held((limits) => limits.abandoned(), ledger.left),
    tokenUse: (tokenIds) => shown((limits) => limits.tokenUse(tokenIds)),
    userUse: (userId) => shown((limits) => limits.userUse(userId)),
    keyUse: (keyId) => shown((limits) => limits.keyUse(keyId)),
    async close() {
      clearInterval(timer);
      endNotes();
      answers.close();
      outbox.close();
      await keeper.close();
    },
  };
}

const nothing = (): void => undefined;
