/** Counts tries over all nodes, in Redis, so that a balancer in front gives nobody more of them. */
import type { RedisConnection } from '../infra/redis/connection.js';
import type { Clock } from '../shared/clock.js';
import type { Ids } from '../shared/ids.js';
import { clusterScript } from './scripts.js';

export interface SharedTries {
  /**
   * Counts one try of `who` (no address in clear: it is part of a key) if fewer than `tries` lie within `windowMs`. Answers how to
   * take it back, or after how many ms the next may be; null: Redis does not answer, and each node counts by itself.
   */
  count(who: string, bound: { readonly tries: number; readonly windowMs: number }): Promise<CountedTry | null>;
}

export type CountedTry = { readonly takeBack: () => void } | { readonly retryAfterMs: number };

/** After a call that failed, so long nobody is made to wait for the next one's time-out. */
const REST_MS = 1_000;

export function createSharedTries(deps: {
  readonly redis: Pick<RedisConnection, 'command' | 'run' | 'isReady'>;
  readonly ids: Ids;
  readonly clock: Clock;
}): SharedTries {
  const { redis, ids, clock } = deps;
  const script = clusterScript('countTry');
  let restsUntil = Number.NEGATIVE_INFINITY;

  return {
    async count(who, { tries, windowMs }) {
      if (!redis.isReady() || clock.monotonic() < restsUntil) return null;
      const key = `kirogate:tries:${who}`;
      const id = ids.short();
      try {
        const wait = Number(await redis.run(script, [key], [id, tries, windowMs]));
        if (wait > 0) return { retryAfterMs: wait };
      } catch {
        restsUntil = clock.monotonic() + REST_MS;
        return null;
      }
      // One that stays counted is forgotten with its window.
      return { takeBack: () => void redis.command('ZREM', key, id).catch(() => undefined) };
    },
  };
}
