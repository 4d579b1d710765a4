/** The requests that still run, from their arrival on: what a stopping node waits for, and ends when it may wait no longer. */
import type { AppError } from '../../errors.js';

export interface InFlight {
  readonly size: number;
  /** `abort` ends the work. A request that is paced counts too: its turn is yet to come. */
  track(abort: AbortController, work: Promise<void>): Promise<void>;
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>;
  /** Ends every running request with this error, in its stream where one has begun. */
  abortAll(error: AppError): void;
}

export function createInFlight(): InFlight {
  const runs = new Map<AbortController, Promise<void>>();
  return {
    get size() {
      return runs.size;
    },
    async track(abort, work) {
      runs.set(abort, work);
      try {
        await work;
      } finally {
        runs.delete(abort);
      }
    },
    async idle() {
      while (runs.size > 0) await Promise.allSettled(runs.values());
    },
    abortAll(error) {
      for (const abort of runs.keys()) abort.abort(error);
    },
  };
}
