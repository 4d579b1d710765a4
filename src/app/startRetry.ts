/** A store that cannot be reached yet is tried again until the start's time is over (contract §4). */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { StoreUnreachable } from '../errors.js';
import type { Clock } from '../shared/clock.js';

export interface StartRetry {
  /** Runs `work` until it succeeds. Rejects with its last error when the time is over, at once when that is no StoreUnreachable. */
  until<T>(work: (remainingMs: number) => Promise<T>): Promise<T>;
}

const PAUSE_MS = 500;
/** Even at the end of the time a connection deserves a try. */
const LEAST_MS = 1_000;

/** The time is shared by all that is started: it begins now. */
export function createStartRetry(deps: { timeoutMs: number; clock: Clock; logger: Logger; signal: AbortSignal }): StartRetry {
  const end = deps.clock.monotonic() + deps.timeoutMs;
  const remaining = (): number => end - deps.clock.monotonic();
  return {
    async until(work) {
      for (let first = true; ; first = false) {
        try {
          return await work(Math.max(LEAST_MS, remaining()));
        } catch (error) {
          if (!(error instanceof StoreUnreachable) || remaining() <= 0 || deps.signal.aborted) throw error;
          if (first) deps.logger.warn({ err: error, forSeconds: Math.round(remaining() / 1000) }, `${error.message}; trying again`);
          await wait(PAUSE_MS, undefined, { signal: deps.signal }).catch(() => undefined);
        }
      }
    },
  };
}
