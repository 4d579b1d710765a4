/** Is Redis there for this node? Asked twice a second; two seconds without an answer count as lost. */
import type { RedisConnection } from '../infra/redis/connection.js';
import type { Clock } from '../shared/clock.js';
import { type Every, realEvery } from './every.js';
import { createListeners } from './listeners.js';

export interface RedisProbe {
  up(): boolean;
  /** Monotonic ms of the last answer. */
  lastAnswer(): number;
  /** Answers how to stop listening. */
  onChange(listener: (up: boolean) => void): () => void;
  close(): void;
}

export interface RedisProbeDeps {
  readonly redis: Pick<RedisConnection, 'command'>;
  readonly clock: Clock;
  readonly every?: Every;
}

const ASK_MS = 500;
/** Spec R5. */
const LOST_AFTER_MS = 2_000;
/** This process did not run: Redis could not have been heard. */
const PAUSE_MS = 1_000;

/** To be started when Redis is known to answer. */
export function startRedisProbe({ redis, clock, every = realEvery }: RedisProbeDeps): RedisProbe {
  const changes = createListeners<boolean>();
  let answeredAt = clock.monotonic();
  let tickAt = answeredAt;
  let isUp = true;
  let isAsking = false;

  const judge = (): void => {
    const now = clock.monotonic() - answeredAt < LOST_AFTER_MS;
    if (now === isUp) return;
    isUp = now;
    changes.tell(now);
  };
  const ask = (): void => {
    if (isAsking) return;
    isAsking = true;
    redis
      .command('PING')
      .then((reply) => {
        if (reply === 'PONG') answeredAt = clock.monotonic();
      })
      .catch(() => undefined)
      .finally(() => {
        isAsking = false;
        judge();
      });
  };
  const stop = every(ASK_MS, () => {
    const now = clock.monotonic();
    // What was lost before the pause stays lost.
    if (isUp && now - tickAt > PAUSE_MS) answeredAt += now - tickAt;
    tickAt = now;
    judge();
    ask();
  });
  return { up: () => isUp, lastAnswer: () => answeredAt, onChange: (listener) => changes.add(listener), close: stop };
}
