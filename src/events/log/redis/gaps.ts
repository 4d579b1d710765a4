/** Notices a number missing in a producer's sequence: the reader passed over entries, or Redis has them no more. */
import type { Logger } from 'pino';
import type { LogEntry } from '../port.js';
import type { Places } from './places.js';

/** Producers remembered per partition; with more, all are forgotten and asked for again. */
const MOST_PRODUCERS = 10_000;

export interface ReadPlace {
  readonly partition: string;
  readonly from: string;
  /** The caller's cursor where these are its first entries; null where they follow others of the same answer. */
  readonly after: string | undefined | null;
}

export interface Gaps {
  /** The entries before the first gap, all where there is none. After a gap the next read goes back, at most twice for the same one. */
  upToGap(place: ReadPlace, entries: readonly LogEntry[], places: Places): Promise<readonly LogEntry[]>;
}

interface Seen {
  /** The last entry given. */
  cursor: string;
  readonly producers: Map<string, number>;
}

export function createGaps(deps: {
  /** Whether the archive has this of a producer; true where that is not known. */
  readonly isArchived: (partition: string, src: string, n: number) => Promise<boolean>;
  readonly logger: Logger | undefined;
  readonly onHole: (partition: string) => void;
}): Gaps {
  const seenIn = new Map<string, Seen>();
  const tried = new Map<string, { readonly hole: string; readonly times: number }>();

  /** What the reader has not seen itself may have been archived by others. */
  const follows = ({ partition, src, n }: LogEntry, known: number | undefined): true | Promise<boolean> =>
    n <= (known ?? 0) + 1 || deps.isArchived(partition, src, n - 1);
  /** Answers whether reading goes back because of it. */
  const goBack = async (entry: LogEntry, after: string | undefined, places: Places): Promise<boolean> => {
    const hole = `${entry.src} ${entry.n}`;
    const before = tried.get(entry.partition);
    const times = before?.hole === hole ? before.times + 1 : 1;
    if (after === undefined || times > 2) {
      const { partition, src, n } = entry;
      deps.logger?.error(
        { partition, src, before: n },
        'events of this producer before this number are in no stream; going on without them',
      );
      return false;
    }
    tried.set(entry.partition, { hole, times });
    deps.onHole(entry.partition);
    await places.goBack(entry.partition, after, times > 1);
    return true;
  };

  return {
    async upToGap({ partition, from, after }, entries, places) {
      const known = seenIn.get(partition);
      const seen: Seen =
        known?.cursor === from && known.producers.size < MOST_PRODUCERS ? known : { cursor: from, producers: new Map<string, number>() };
      seenIn.set(partition, seen);
      for (const [index, entry] of entries.entries()) {
        const last = seen.producers.get(entry.src);
        const fits = follows(entry, last);
        if (fits !== true && !(await fits)) {
          // Behind good entries the next read begins right here, with a cursor to go back from.
          if (index > 0 || after === null) return entries.slice(0, index);
          if (await goBack(entry, after, places)) return [];
        }
        if (!entry.src.startsWith('unreadable:')) seen.producers.set(entry.src, Math.max(entry.n, last ?? 0));
        seen.cursor = entry.cursor;
      }
      return entries;
    },
  };
}
