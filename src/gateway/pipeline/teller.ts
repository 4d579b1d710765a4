/** Appends events of which no request waits for the end: what the log refuses is offered again, one at a time, until it is taken. */
import type { NewEvent } from '../../events/define.js';
import type { GatewayDeps } from '../deps.js';

export interface Teller {
  tell(event: NewEvent): void;
  /** Events that the log has refused so far. */
  readonly refused: number;
  /** Offers those again, the oldest first, until one is refused. */
  again(): void;
  /** Resolves when the log has everything, or has refused it once more; then those are given up. */
  finish(): Promise<void>;
}

/** Refused events that are kept; a log that is away for so long that there are more has lost the rest, and says so. */
const MAX_REFUSED = 10_000;

export function createTeller({ log, logger }: Pick<GatewayDeps, 'log' | 'logger'>): Teller {
  const refused: NewEvent[] = [];
  const inFlight = new Set<Promise<void>>();
  let offering: Promise<void> | null = null;

  function keep(event: NewEvent, error: unknown): void {
    if (refused.length >= MAX_REFUSED)
      return logger.error({ err: error, type: event.type }, 'an event could not be logged, and is given up');
    if (refused.length === 0) logger.error({ err: error, type: event.type }, 'the event log refuses an event; trying again');
    refused.push(event);
  }

  async function offer(): Promise<void> {
    // Refused after it was kept, an event is told of twice; its id keeps it single.
    for (let event = refused[0]; event !== undefined; event = refused[0]) {
      try {
        await log.append(event);
      } catch {
        return;
      }
      refused.shift();
    }
  }

  function again(): Promise<void> {
    offering ??= offer().finally(() => {
      offering = null;
    });
    return offering;
  }

  return {
    tell(event) {
      const done: Promise<void> = log.append(event).catch((error: unknown) => keep(event, error));
      inFlight.add(done);
      void done.finally(() => inFlight.delete(done));
    },
    get refused() {
      return refused.length;
    },
    again: () => void again(),
    async finish() {
      await Promise.all(inFlight);
      await offering;
      await again();
      if (refused.length > 0) logger.error({ events: refused.length }, 'events could not be logged, and are given up');
      refused.length = 0;
    },
  };
}
