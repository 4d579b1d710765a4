/**
 * Keys this node has not heard of yet are asked of the database once, before the 401: one query at a time for
 * all that wait, and what is unknown stays so for a while. A flood of made-up keys costs memory and queries no more than this.
 */
import type { Clock } from '../shared/clock.js';

export interface KeyLookupDeps {
  /** Which of these hashes exist? */
  readonly exist: (hashes: readonly string[]) => Promise<boolean>;
  /** Brings the directory up to what the database holds. */
  readonly catchUp: () => Promise<void>;
  readonly clock: Clock;
}

/** Hashes asked in one query, and hashes that may wait; beyond that a key counts as unknown at once. */
const MAX_WAITING = 500;
const MAX_UNKNOWN = 10_000;
/** Shorter than a person needs to copy a new key, longer than a client's retries. */
const UNKNOWN_MS = 2_000;

export interface KeyLookup {
  /** null: known to be unknown. Otherwise resolves when the directory is as new as the database. */
  ask(hash: string): Promise<void> | null;
}

export function createKeyLookup(deps: KeyLookupDeps): KeyLookup {
  /** Hash → monotonic ms until which it counts as unknown; oldest first. */
  const unknown = new Map<string, number>();
  const waiting = new Map<string, Promise<void>>();
  let next: { readonly hashes: string[]; readonly done: Promise<void> } | null = null;
  let running: Promise<void> = Promise.resolve();

  async function query(hashes: readonly string[]): Promise<void> {
    try {
      if (await deps.exist(hashes)) await deps.catchUp();
      const until = deps.clock.monotonic() + UNKNOWN_MS;
      for (const hash of hashes) remember(hash, until);
    } finally {
      for (const hash of hashes) waiting.delete(hash);
    }
  }

  function remember(hash: string, until: number): void {
    unknown.delete(hash);
    unknown.set(hash, until);
    for (const oldest of unknown.keys()) {
      if (unknown.size <= MAX_UNKNOWN) break;
      unknown.delete(oldest);
    }
  }

  function enqueue(hash: string): Promise<void> {
    if (next === null) {
      const hashes: string[] = [];
      const done = running.then(() => {
        next = null;
        return query(hashes);
      });
      next = { hashes, done };
      running = done.catch(() => undefined);
    }
    next.hashes.push(hash);
    return next.done;
  }

  return {
    ask(hash) {
      const until = unknown.get(hash);
      if (until !== undefined && until > deps.clock.monotonic()) return null;
      const same = waiting.get(hash);
      if (same) return same;
      if (waiting.size >= MAX_WAITING) return null;
      const done = enqueue(hash);
      waiting.set(hash, done);
      return done;
    },
  };
}
