/** The admitted requests that still run: what a stopping node waits for, and ends when it may wait no longer. */
import type { AppError } from '../../errors.js';
import type { Run } from './run.js';

export interface InFlight {
  readonly size: number;
  track(run: Run, work: Promise<void>): Promise<void>;
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>;
  /** Ends every running request with this error, in its stream where one has begun. */
  abortAll(error: AppError): void;
}

export function createInFlight(): InFlight {
  const runs = new Map<Run, Promise<void>>();
  return {
    get size() {
      return runs.size;
    },
    async track(run, work) {
      runs.set(run, work);
      try {
        await work;
      } finally {
        runs.delete(run);
      }
    },
    async idle() {
      while (runs.size > 0) await Promise.allSettled(runs.values());
    },
    abortAll(error) {
      for (const run of runs.keys()) run.abort.abort(error);
    },
  };
}
