/** Requests of each key in the last 60 s, as a list of admission times: exact in any 60 s, not only in whole minutes. */
import { createSweep } from './sweep.js';

const WINDOW_MS = 60_000;
/** Entries kept for a key: the highest rate that can be set. Beyond it, on a key without limit, the oldest go. */
const KEPT = 100_000;

interface RateLog {
  /** Monotonic ms, rising. */
  times: number[];
  head: number;
  /** Use before this run is in it. */
  restored: boolean;
}

export interface KeyRates {
  /** ms until the key may go on, or null when it may now. */
  waitMs(keyId: string, limit: number, now: number): number | null;
  add(keyId: string, now: number): void;
  /** Takes one back that never came to be. */
  undo(keyId: string, at: number): void;
  /** Use before this run, in any order; once for each key, a second time would count it twice. */
  restore(keyId: string, times: readonly number[], now: number): void;
  count(keyId: string, now: number): number;
  sweep(now: number): void;
  /** Every key with its admission times that may still count. */
  all(): Iterable<readonly [string, readonly number[]]>;
  /** Keys held in memory. */
  size(): number;
}

export function createKeyRates(): KeyRates {
  const keys = new Map<string, RateLog>();
  const sweep = createSweep(keys, (log, now: number) => {
    trim(log, now);
    return log.times.length === log.head;
  });
  const trimmed = (keyId: string, now: number): RateLog | undefined => {
    const log = keys.get(keyId);
    if (log !== undefined) trim(log, now);
    return log;
  };
  return {
    waitMs(keyId, limit, now) {
      const log = trimmed(keyId, now);
      const excess = (log === undefined ? 0 : log.times.length - log.head) - limit;
      if (excess < 0) return null;
      // A limit of 0 lets nothing through; a minute is then as good an answer as any.
      const last = log?.times[log.head + excess];
      return last === undefined ? WINDOW_MS : last + WINDOW_MS - now;
    },
    add(keyId, now) {
      const log = trimmed(keyId, now) ?? { times: [], head: 0, restored: false };
      keys.set(keyId, log);
      log.times.push(now);
      if (log.times.length - log.head > KEPT) log.head += 1;
    },
    undo(keyId, at) {
      const log = keys.get(keyId);
      const index = log?.times.lastIndexOf(at) ?? -1;
      if (log !== undefined && index >= log.head) log.times.splice(index, 1);
    },
    restore(keyId, times, now) {
      const log = keys.get(keyId);
      if (log?.restored === true) return;
      const past = times.map((at) => Math.min(at, now));
      const all = [...past, ...(log?.times.slice(log.head) ?? [])].sort((a, b) => a - b);
      keys.set(keyId, { times: all.slice(-KEPT), head: 0, restored: true });
    },
    count(keyId, now) {
      const log = trimmed(keyId, now);
      return log === undefined ? 0 : log.times.length - log.head;
    },
    sweep,
    *all() {
      for (const [keyId, log] of keys) yield [keyId, log.times.slice(log.head)] as const;
    },
    size: () => keys.size,
  };
}

function trim(log: RateLog, now: number): void {
  while (log.head < log.times.length && (log.times[log.head] ?? 0) <= now - WINDOW_MS) log.head += 1;
  if (log.head > 32 && log.head * 2 > log.times.length) {
    log.times.splice(0, log.head);
    log.head = 0;
  }
}
