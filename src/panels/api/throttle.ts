/**
 * Bounds wrong tries per address: exact in any window, on an injected clock, in bounded memory.
 * A try is counted before it is checked, so that a burst of parallel guesses cannot pass the bound,
 * and given back when it proves right.
 */
import { isIPv6 } from 'node:net';
import { AppError } from '../../errors.js';
import type { Clock } from '../../shared/clock.js';

export interface Throttle {
  /** Counts one try; throws `too_many_attempts` with `Retry-After` when the window is full. The answer takes the try back. */
  attempt(address: string): () => void;
}

export function createThrottle(options: {
  readonly clock: Clock;
  readonly tries: number;
  readonly windowMs: number;
  /** Addresses remembered at most; the one quiet for longest is forgotten first. */
  readonly addresses?: number;
}): Throttle {
  const { clock, tries, windowMs, addresses = 10_000 } = options;
  // A Map keeps insertion order: re-inserting on use makes its first key the one quiet for longest.
  const seen = new Map<string, number[]>();

  return {
    attempt(address) {
      const key = throttleKey(address);
      const now = clock.monotonic();
      const times = (seen.get(key) ?? []).filter((at) => at > now - windowMs);
      const [oldest] = times;
      if (times.length >= tries && oldest !== undefined) {
        throw new AppError('too_many_attempts', { retryAfterSeconds: Math.max(1, Math.ceil((oldest + windowMs - now) / 1000)) });
      }
      times.push(now);
      seen.delete(key);
      seen.set(key, times);
      if (seen.size > addresses) {
        for (const quiet of seen.keys()) {
          seen.delete(quiet);
          break;
        }
      }
      return () => {
        const current = seen.get(key);
        const index = current?.indexOf(now) ?? -1;
        if (current && index >= 0) current.splice(index, 1);
        if (current?.length === 0) seen.delete(key);
      };
    },
  };
}

/** One subscriber usually holds a whole /64 of IPv6, so the prefix counts as the address. */
export function throttleKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1]) return mapped[1];
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = (address.split('%')[0] ?? '').split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const zeros = address.includes('::') ? Math.max(0, 8 - front.length - back.length) : 0;
  const groups = [...front, ...Array<string>(zeros).fill('0'), ...back];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
