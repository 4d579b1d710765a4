/** What this process has archived since it started. */
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.js';
import type { BatchResult } from './batch.js';
import { createUnknownTypesTeller } from './unknownTypes.js';

export interface Counts {
  readonly archived: number;
  readonly duplicates: number;
  /** Events that a projection could not take. */
  readonly parked: number;
  readonly unknownTypes: number;
  /** ms since epoch of the last commit; null: none yet. */
  readonly lastCommitAt: number | null;
}

export interface Counter {
  counts(): Counts;
  /** A batch was committed. Says in the log what was parked and what is unknown. */
  committed(result: BatchResult): void;
}

export function createCounter({ logger, clock }: { readonly logger: Logger; readonly clock: Clock }): Counter {
  const tellUnknown = createUnknownTypesTeller(logger, clock);
  let counts: Counts = { archived: 0, duplicates: 0, parked: 0, unknownTypes: 0, lastCommitAt: null };
  return {
    counts: () => counts,
    committed({ archived, duplicates, parked, unknownTypes }) {
      counts = {
        archived: counts.archived + archived,
        duplicates: counts.duplicates + duplicates,
        parked: counts.parked + parked.length,
        unknownTypes: counts.unknownTypes + unknownTypes,
        lastCommitAt: clock.now(),
      };
      tellUnknown(unknownTypes);
      const [first] = parked;
      if (first === undefined) return;
      const { projection, reason, error } = first;
      logger.warn({ events: parked.length, projection: projection.name, reason, error }, 'events were parked');
    },
  };
}
