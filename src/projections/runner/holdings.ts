/** The partitions that this process reads: those that fall to it, and those whose own reader stands still. */
import type { EventLog } from '../../events/log/port.js';
import type { Clock } from '../../shared/clock.js';
import { type Owners, ownedPartitions } from './ownership.js';

export interface HoldingsDeps {
  readonly log: Pick<EventLog, 'partitions' | 'read'>;
  /** Absent: this process is the only one, and reads all. */
  readonly owners?: (() => Owners) | undefined;
  readonly clock: Clock;
}

export interface Holdings {
  /** undefined: all, whatever they are. */
  mine(): readonly string[] | undefined;
  /** Takes over what nobody moves. `stored`: where the archive stands in each partition, just read. */
  look(stored: ReadonlyMap<string, string>): Promise<void>;
  /** Somebody else archives there after all. */
  letGo(partitions: readonly string[]): void;
}

/** How long a partition may stand still with entries waiting before others step in. */
const STILL_MS = 3_000;

/** Only a hint: two readers of one partition cost each other a rolled-back transaction, never an event. */
export function createHoldings({ log, owners, clock }: HoldingsDeps): Holdings {
  /** Since when (monotonic ms) a partition of others stands at this cursor with entries waiting. */
  const still = new Map<string, { readonly cursor: string | undefined; readonly since: number }>();
  const adopted = new Set<string>();
  let known = { key: '', owned: [] as readonly string[] };

  function owned(): readonly string[] | undefined {
    if (owners === undefined) return undefined;
    const now = owners();
    const key = JSON.stringify([now.self, ...now.living]);
    if (key !== known.key) known = { key, owned: ownedPartitions(log.partitions, now) };
    return known.owned;
  }

  async function waits(partition: string, stored: ReadonlyMap<string, string>): Promise<boolean> {
    return (await log.read(stored, { limit: 1, waitMs: 0, lingerMs: 0, partitions: [partition], peek: true })).length > 0;
  }

  async function watch(partition: string, stored: ReadonlyMap<string, string>): Promise<void> {
    const cursor = stored.get(partition);
    const before = still.get(partition);
    if (!(await waits(partition, stored))) {
      // Nothing to do here: whoever it falls to may have it back.
      still.delete(partition);
      adopted.delete(partition);
    } else if (before === undefined || before.cursor !== cursor) {
      still.set(partition, { cursor, since: clock.monotonic() });
    } else if (clock.monotonic() - before.since >= STILL_MS) {
      adopted.add(partition);
    }
  }

  return {
    mine() {
      const own = owned();
      return own === undefined || adopted.size === 0 ? own : [...new Set([...own, ...adopted])];
    },
    async look(stored) {
      const own = new Set(owned() ?? log.partitions);
      for (const partition of own) {
        still.delete(partition);
        adopted.delete(partition);
      }
      for (const partition of log.partitions) if (!own.has(partition)) await watch(partition, stored);
    },
    letGo(partitions) {
      for (const partition of partitions) {
        adopted.delete(partition);
        still.delete(partition);
      }
    },
  };
}
