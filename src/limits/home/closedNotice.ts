/** One line when nobody has been admitted for longer than a caller waits, and one when requests are admitted again. */
import type { Logger } from 'pino';

export interface ClosedNotice {
  look(isOpen: boolean): void;
}

export interface ClosedNoticeDeps {
  readonly logger: Logger;
  readonly monotonic: () => number;
  readonly databaseLost: () => boolean;
}

/** As long as an admission is held. */
const HELD_MS = 3_000;

export function createClosedNotice({ logger, monotonic, databaseLost }: ClosedNoticeDeps): ClosedNotice {
  let closedSince: number | null = null;
  let isTold = false;
  return {
    look(isOpen) {
      if (isOpen) {
        if (isTold) logger.info('the limits have a home again: requests are admitted');
        closedSince = null;
        isTold = false;
        return;
      }
      closedSince ??= monotonic();
      if (isTold || monotonic() - closedSince < HELD_MS) return;
      isTold = true;
      const why = databaseLost() ? 'the database is needed to find them one, and does not answer' : 'it is being found';
      logger.warn(`the limits have no home, requests are refused: ${why}`);
    },
  };
}
