/** Nobody waits for a database that is known to be lost: what needs it is answered 503 at once, what does not is answered as ever. */
import { AppError } from '../errors.js';

const LOOK_MS = 200;

/** The work's result, or `storage_unavailable` as soon as it has to wait while `isLost` says so. */
export function unlessLost<T>(work: Promise<T>, isLost: (() => boolean) | undefined): Promise<T> {
  if (isLost === undefined) return work;
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      if (!isLost()) return;
      clearInterval(timer);
      reject(new AppError('storage_unavailable', { retryAfterSeconds: 5 }));
    }, LOOK_MS);
    work.then(resolve, reject).finally(() => clearInterval(timer));
  });
}
