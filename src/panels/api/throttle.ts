/**
 * Bounds wrong tries per address: exact in any window, on an injected clock, in bounded memory.
 * A try is counted before it is checked, so that a burst of parallel guesses cannot pass the bound,
 * and given back when it proves right.
 */
import { createHmac } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { SharedTries } from '../../cluster/tries.js';
import { AppError } from '../../errors.js';
import type { Clock } from '../../shared/clock.js';

export interface Throttle {
  /** Counts one try, over all nodes where there are several; throws `too_many_attempts` with `Retry-After` when the window is full. The answer takes the try back. */
  attempt(address: string): Promise<() => void>;
}

/** Of this process alone. */
export interface OwnThrottle {
  /** Counts one try; throws `too_many_attempts` with `Retry-After` when the window is full. The answer takes the try back. */
  attempt(address: string): () => void;
}

export function createThrottle(options: {
  readonly clock: Clock;
  readonly tries: number;
  readonly windowMs: number;
  /** Addresses remembered at most; the one quiet for longest is forgotten first. */
  readonly addresses?: number;
}): OwnThrottle {
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

/**
 * The same over all nodes: what this process counts bounds its own, and what `shared` counts bounds all. While that does not answer,
 * each process counts by itself. `name` parts the counts of different throttles; addresses leave the process as a keyed hash.
 */
export function createSharedThrottle(options: {
  readonly name: string;
  readonly clock: Clock;
  readonly tries: number;
  readonly windowMs: number;
  readonly shared: SharedTries | undefined;
  readonly secret: string;
}): Throttle {
  const { name, shared, secret, ...bound } = options;
  const own = createThrottle(bound);
  return {
    async attempt(address) {
      const takeBack = own.attempt(address);
      const who = createHmac('sha256', secret)
        .update(`throttle ${name} ${throttleKey(address)}`)
        .digest('base64url');
      const counted = (await shared?.count(who, bound)) ?? null;
      if (counted === null) return takeBack;
      if ('retryAfterMs' in counted) {
        takeBack();
        throw new AppError('too_many_attempts', { retryAfterSeconds: Math.max(1, Math.ceil(counted.retryAfterMs / 1000)) });
      }
      return () => {
        takeBack();
        counted.takeBack();
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
