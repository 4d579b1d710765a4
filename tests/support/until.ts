/** Waits for a condition instead of for a time; fails with what it last saw. */
import { setTimeout as wait } from 'node:timers/promises';

/** Asks `probe` until it answers something that is not undefined. Rejects after `deadlineMs`. */
export async function until<T>(what: string, probe: () => Promise<T | undefined> | T | undefined, deadlineMs = 15_000): Promise<T> {
  const end = performance.now() + deadlineMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const found = await probe();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    await wait(20);
  }
  throw new Error(`waited ${deadlineMs} ms in vain for ${what}`, { cause: last });
}
