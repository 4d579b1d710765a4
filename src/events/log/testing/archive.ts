/** What ingest does with a log, in a few lines: each entry once by its number and id, progress kept apart from Redis. */
import type { EventLog, LogEntry, Watermark } from '../port.js';

export interface TestArchive {
  /** Ids in the order of each partition. */
  readonly ids: ReadonlyMap<string, readonly string[]>;
  readonly entries: readonly LogEntry[];
  /** Entries that came again. */
  readonly duplicates: number;
  /** Reads once and archives it; answers how many entries there were. `publish`: tell the log, as a living ingest does. */
  step(log: EventLog, options?: { readonly waitMs?: number; readonly limit?: number; readonly publish?: boolean }): Promise<number>;
  /** What the database would say. */
  progress(): Promise<readonly Watermark[]>;
}

export function createTestArchive(): TestArchive {
  const ids = new Map<string, string[]>();
  const entries: LogEntry[] = [];
  const known = new Set<string>();
  const cursors = new Map<string, string>();
  const producers = new Map<string, Map<string, number>>();
  let duplicates = 0;

  const take = (entry: LogEntry): void => {
    const { partition, src, n, event, cursor } = entry;
    const counters = producers.get(partition) ?? new Map<string, number>();
    producers.set(partition, counters);
    cursors.set(partition, cursor);
    if (n <= (counters.get(src) ?? 0) || known.has(event.id)) duplicates += 1;
    else {
      known.add(event.id);
      entries.push(entry);
      ids.set(partition, [...(ids.get(partition) ?? []), event.id]);
    }
    counters.set(src, Math.max(n, counters.get(src) ?? 0));
  };
  const progressOf = (partitions: Iterable<string>): Watermark[] =>
    [...partitions].map((partition) => ({
      partition,
      cursor: cursors.get(partition) ?? '',
      producers: new Map(producers.get(partition)),
    }));

  return {
    ids,
    entries,
    get duplicates() {
      return duplicates;
    },
    async step(log, { waitMs = 0, limit = 1_000, publish = true } = {}) {
      const read = await log.read(cursors, { limit, waitMs, lingerMs: 0 });
      for (const entry of read) take(entry);
      if (publish && read.length > 0) await log.archived(progressOf(new Set(read.map(({ partition }) => partition))));
      return read.length;
    },
    progress: async () => progressOf(cursors.keys()),
  };
}
