/** The log of several processes over one stream, as Redis would keep it, in memory: it can be emptied and rolled back. */
import type { NewEvent } from '../../events/define.js';
import { type EventLog, type LogEntry, partitionOf, type ReadOptions, type Watermark } from '../../events/log/port.js';

interface Place {
  readonly id: number;
  readonly src: string;
  readonly n: number;
  readonly event: NewEvent;
}

export interface SharedStream {
  /** One process's log; `src` is its producer run. */
  handle(src: string): EventLog & { readonly read: EventLog['read']; readonly asked: Set<string> };
  /** Forgets the last entries of every partition, as a server does that comes back from an older file. */
  rollBack(entries: number): void;
  empty(): void;
}

export function createSharedStream(partitions: number): SharedStream {
  const names = Array.from({ length: partitions }, (_, index) => `p${index}`);
  const places = new Map<string, Place[]>(names.map((name) => [name, []]));
  const producers = new Map<string, Map<string, { readonly event: NewEvent; readonly n: number }[]>>();
  const counters = new Map<string, number>();
  const nextIds = new Map<string, number>();
  const stream: SharedStream = { handle, rollBack, empty };

  function put(partition: string, src: string, n: number, event: NewEvent): void {
    const list = places.get(partition) ?? [];
    if (list.some((place) => place.src === src && place.n === n)) return;
    const id = (nextIds.get(partition) ?? 0) + 1;
    nextIds.set(partition, id);
    list.push({ id, src, n, event });
  }

  /** What a producer holds and the stream lacks goes there again, in order. */
  function offerAgain(): void {
    for (const [src, held] of producers)
      for (const [partition, list] of held) for (const { event, n } of list) put(partition, src, n, event);
  }

  function rollBack(entries: number): void {
    for (const [partition, list] of places) {
      list.splice(Math.max(0, list.length - entries));
      // Ids are given out again, to other entries.
      nextIds.set(partition, list.at(-1)?.id ?? 0);
    }
    offerAgain();
  }

  function empty(): void {
    for (const list of places.values()) list.length = 0;
    offerAgain();
  }

  function handle(src: string): EventLog & { readonly asked: Set<string> } {
    const held = new Map<string, { readonly event: NewEvent; readonly n: number }[]>(names.map((name) => [name, []]));
    const asked = new Set<string>();
    producers.set(src, held);
    return {
      partitions: names,
      asked,
      append: async (event) => {
        const partition = partitionOf(event.partitionkey, partitions);
        const n = (counters.get(`${src} ${partition}`) ?? 0) + 1;
        counters.set(`${src} ${partition}`, n);
        held.get(partition)?.push({ event, n });
        put(partition, src, n, event);
      },
      async read(after, options) {
        if (options.waitMs > 0) for (const partition of options.partitions ?? names) asked.add(partition);
        const found = take(after, options);
        if (found.length > 0 || options.waitMs === 0) return found;
        await new Promise((resolve) => setTimeout(resolve, 2));
        return take(after, options);
      },
      archived: async (watermarks) => release(watermarks),
      backlog: () => ({ events: [...held.values()].reduce((sum, list) => sum + list.length, 0), bytes: 0 }),
      close: async () => undefined,
    };
  }

  function take(after: ReadonlyMap<string, string>, { limit, partitions: wanted }: ReadOptions): LogEntry[] {
    return (wanted ?? names)
      .flatMap((partition) => {
        const list = places.get(partition) ?? [];
        const cursor = Number(after.get(partition) ?? 0);
        // Behind the end of the stream: it has been rolled back, and is read from its start.
        const from = cursor > (list.at(-1)?.id ?? 0) ? 0 : cursor;
        return list
          .filter(({ id }) => id > from)
          .map(({ id, src, n, event }): LogEntry => ({ partition, cursor: String(id), src, n, event }));
      })
      .slice(0, limit);
  }

  function release(watermarks: readonly Watermark[]): void {
    for (const { partition, producers: archived } of watermarks)
      for (const [src, held] of producers) {
        const kept = (held.get(partition) ?? []).filter(({ n }) => n > (archived.get(src) ?? 0));
        held.set(partition, kept);
      }
  }

  return stream;
}
