/** Does Redis take what this node writes? Tried twice a second; two seconds without success count as lost. */
import type { RedisConnection } from '../infra/redis/connection.js';
import type { Clock } from '../shared/clock.js';
import { safeText } from '../shared/safeText.js';
import { type Every, realEvery } from './every.js';
import { createListeners } from './listeners.js';
import { clusterScript } from './scripts.js';

export interface RedisProbe {
  up(): boolean;
  /** Monotonic ms of the last write that it took. */
  lastAnswer(): number;
  /** What it says instead of taking writes; null: nothing, or it takes them. */
  refusal(): string | null;
  /** Answers how to stop listening. */
  onChange(listener: (up: boolean) => void): () => void;
  close(): void;
}

export interface RedisProbeDeps {
  readonly redis: Pick<RedisConnection, 'run'>;
  readonly clock: Clock;
  readonly every?: Every;
}

/** Keys of the probe alone, gone when it has run. */
const ROOT = 'kirogate:{probe}:';
const ASK_MS = 500;
/** Spec R5. */
const LOST_AFTER_MS = 2_000;
/** This process did not run: Redis could not have been heard. */
const PAUSE_MS = 1_000;

/** To be started when Redis is known to take writes. */
export function startRedisProbe({ redis, clock, every = realEvery }: RedisProbeDeps): RedisProbe {
  const changes = createListeners<boolean>();
  const script = clusterScript('probeWrites');
  let answeredAt = clock.monotonic();
  let tickAt = answeredAt;
  let isUp = true;
  let isAsking = false;
  let refusal: string | null = null;

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
      .run(script, [ROOT], [])
      .then(() => {
        answeredAt = clock.monotonic();
        refusal = null;
      })
      .catch((error: unknown) => {
        refusal = error instanceof Error && error.name === 'ReplyError' ? safeText(error.message, 200) : null;
      })
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
  return {
    up: () => isUp,
    lastAnswer: () => answeredAt,
    refusal: () => refusal,
    onChange: (listener) => changes.add(listener),
    close: stop,
  };
}
