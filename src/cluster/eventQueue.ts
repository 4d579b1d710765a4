/** Events of the node itself, kept until the database takes them: what they tell of may be why it does not. */
import type { Logger } from 'pino';

export interface EventQueue<E> {
  add(event: E): void;
  /** In order; stops at the first that cannot be recorded. Never rejects. */
  flush(): Promise<void>;
}

/** Beyond this the oldest go: an outage that flaps must not fill the memory. */
const MOST_EVENTS = 100;

export function createEventQueue<E>({
  record,
  logger,
}: {
  /** Rejects while the database cannot take it: then it is tried again. */
  readonly record: (event: E) => Promise<unknown>;
  readonly logger: Logger;
}): EventQueue<E> {
  const waiting: E[] = [];
  let flushing: Promise<void> | null = null;
  const run = async (): Promise<void> => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      await record(next);
      if (waiting[0] === next) waiting.shift();
    }
  };
  return {
    add(event) {
      waiting.push(event);
      if (waiting.length <= MOST_EVENTS) return;
      waiting.shift();
      logger.warn('too many events of this node wait to be recorded; the oldest is given up');
    },
    flush() {
      flushing ??= run()
        .catch((error: unknown) => logger.debug({ err: error }, 'an event of this node could not be recorded yet'))
        .finally(() => {
          flushing = null;
        });
      return flushing;
    },
  };
}
