/** Says that there were events of types this build does not know: a newer build's during an upgrade, or somebody else's. */
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.js';

const TELL_EVERY_MS = 60_000;

/** To be told of each batch; writes at most one line a minute, with how many there were since the last one. */
export function createUnknownTypesTeller(logger: Logger, clock: Pick<Clock, 'monotonic'>): (events: number) => void {
  let waiting = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  return (events) => {
    waiting += events;
    if (waiting === 0 || clock.monotonic() - toldAt < TELL_EVERY_MS) return;
    logger.warn({ events: waiting }, 'events of types that this build does not know are archived, and in no read model');
    waiting = 0;
    toldAt = clock.monotonic();
  };
}
