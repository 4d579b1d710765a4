/** What the event log found when Redis was back, gathered for the one event that tells of it. */
import type { Recovery } from '../cluster/storeWatch.js';
import type { Recovered } from '../events/log/redis/sender.js';

export interface Recoveries {
  note(what: Recovered): void;
  /** What came since the last call. */
  take(): Recovery;
  /** Called after something came that no outage announced: Redis was away for a moment only. */
  onNote(listener: () => void): void;
}

export function createRecoveries(): Recoveries {
  let partitions = new Map<string, Recovered>();
  let listener = (): void => undefined;
  return {
    note(what) {
      const known = partitions.get(what.partition);
      partitions.set(what.partition, { ...what, reappended: what.reappended + (known?.reappended ?? 0) });
      listener();
    },
    take() {
      const found = [...partitions.values()];
      partitions = new Map();
      const reappended = found.reduce((sum, { reappended: count }) => sum + count, 0);
      const reasons = [...new Set(found.map(({ reason }) => reason))].filter((reason) => reason !== 'reconnected');
      if (reasons.length === 0) return { outcome: 'same', reappended, message: null };
      return {
        outcome: 'restored',
        reappended,
        message: `Redis came back ${reasons.map((reason) => words[reason] ?? reason).join(' and ')}`,
      };
    },
    onNote(next) {
      listener = next;
    },
  };
}

const words: Readonly<Record<string, string>> = { empty: 'empty', rolled_back: 'with an older state', hole: 'without entries that it had' };
