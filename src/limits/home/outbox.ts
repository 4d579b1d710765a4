/** Calls that must be made in the end: while the limits have no home they wait here. Their order does not matter, each may come twice. */
import type { Logger } from 'pino';
import type { HomeLimits } from './port.js';
import { isUnavailable, type Tenure, unavailable } from './tenure.js';

/** Beyond this the oldest are given up; their leases end with this run, their charges with the next filling. */
const MOST = 20_000;
const AT_ONCE = 200;

interface Waiting {
  readonly make: (tenure: Tenure) => Promise<void>;
  readonly giveUp: () => void;
}

export interface Outbox {
  /** Makes the call, now or as soon as there is a home. Rejects only where the home refuses it, or when it is given up. */
  surely<T>(work: (limits: HomeLimits) => Promise<T>, confirm: (answer: T) => void): Promise<T>;
  /** Makes what waits. */
  flush(): void;
  /** Gives up what waits: this run's leases and open requests are the others' to end. */
  close(): void;
}

export interface OutboxDeps {
  /** The home that may be called now. */
  readonly tenure: () => Tenure | undefined;
  readonly logger: Logger;
}

export function createOutbox({ tenure, logger }: OutboxDeps): Outbox {
  const waiting: Waiting[] = [];
  let flushing: Promise<void> | undefined;
  let closed = false;

  const wait = (item: Waiting): void => {
    if (closed) return item.giveUp();
    waiting.push(item);
    if (waiting.length <= MOST) return;
    logger.error('too much waits for the limits; the oldest is given up');
    waiting.shift()?.giveUp();
  };

  const flush = async (): Promise<void> => {
    for (let now = tenure(); now !== undefined && waiting.length > 0; now = tenure()) {
      const home = now;
      const items = waiting.splice(0, AT_ONCE);
      const failed = await Promise.all(
        items.map((item) =>
          item.make(home).then(
            () => undefined,
            () => item,
          ),
        ),
      );
      const again = failed.filter((item) => item !== undefined);
      waiting.unshift(...again);
      if (again.length > 0) return;
    }
  };
  const start = (): void => {
    flushing ??= flush().finally(() => (flushing = undefined));
  };

  return {
    surely<T>(work: (limits: HomeLimits) => Promise<T>, confirm: (answer: T) => void) {
      return new Promise<T>((resolve, reject) => {
        if (closed) return reject(unavailable());
        /** Rejects only where it should be tried again. */
        const make = (home: Tenure): Promise<void> =>
          home.call(work, confirm).then(resolve, (error: unknown) => {
            if (isUnavailable(error)) throw error;
            reject(error);
          });
        const item = { make, giveUp: () => reject(unavailable()) };
        const home = waiting.length === 0 && flushing === undefined ? tenure() : undefined;
        if (home === undefined) {
          wait(item);
          return start();
        }
        make(home).catch(() => wait(item));
      });
    },
    flush: start,
    close() {
      closed = true;
      for (const { giveUp } of waiting.splice(0)) giveUp();
    },
  };
}
