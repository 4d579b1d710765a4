/** The limits in one term: calls count only while it lasts. */
import { AppError } from '../../errors.js';
import type { HomeLimits } from './port.js';
import type { Place } from './row.js';

/** A process that stood still for longer may have been taken for dead: what it hears then is not to be trusted. */
export const FROZEN_MS = 10_000;

export interface Tenure {
  readonly term: number;
  readonly home: Place;
  readonly limits: HomeLimits;
  isOver(): boolean;
  /**
   * Makes a call. `confirm` runs at once when its answer counts. Rejects with `storage_unavailable` when the term ends before:
   * what Redis answers after that is not known to the next home. What the database has taken stays true.
   */
  call<T>(work: (limits: HomeLimits) => Promise<T>, confirm: (answer: T) => void): Promise<T>;
  end(): void;
}

export const unavailable = (message?: string): AppError =>
  new AppError('storage_unavailable', { retryAfterSeconds: 1, ...(message === undefined ? {} : { message }) });
export const isUnavailable = (error: unknown): boolean => error instanceof AppError && error.code === 'storage_unavailable';

export function createTenure(term: number, home: Place, limits: HomeLimits, monotonic: () => number): Tenure {
  const failing = new Set<() => void>();
  let over = false;
  return {
    term,
    home,
    limits,
    isOver: () => over,
    call(work, confirm) {
      if (over) return Promise.reject(unavailable());
      const begun = monotonic();
      return new Promise((resolve, reject) => {
        const fail = (): void => reject(unavailable());
        if (home === 'redis') failing.add(fail);
        work(limits).then(
          (answer) => {
            failing.delete(fail);
            if ((over && home === 'redis') || monotonic() - begun > FROZEN_MS) return fail();
            confirm(answer);
            resolve(answer);
          },
          (error: unknown) => {
            failing.delete(fail);
            reject(error);
          },
        );
      });
    },
    end() {
      if (over) return;
      over = true;
      for (const fail of failing) fail();
      failing.clear();
    },
  };
}
