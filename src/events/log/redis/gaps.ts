/** Notices a number missing in a producer's sequence: the reader passed over entries, or Redis has them no more. */
import type { Logger } from 'pino';
import type { LogEntry } from '../port.js';
import { compareIds } from './keys.js';
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
  /**
   * The entries before the first gap, all where there is none. After a gap the next reads go back, to where the archive
   * is and then to the first entry; if what is missing is nowhere, the entries behind are given without it.
   */
  upToGap(place: ReadPlace, entries: readonly LogEntry[], places: Places): Promise<readonly LogEntry[]>;
}

/** Going back because of one hole. */
interface Hunt {
  /** The entry behind the hole: up to here everything is read again. */
  readonly until: string;
  /** The way leads from the first entry; there is none from further back. */
  readonly fromFirst: boolean;
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
  /** What is missing is in no stream. */
  readonly onGone: (partition: string) => void;
}): Gaps {
  const seenIn = new Map<string, Seen>();
  const hunts = new Map<string, Hunt>();

  /** What the reader has not seen itself may have been archived by others. */
  const follows = ({ partition, src, n }: LogEntry, known: number | undefined): true | Promise<boolean> =>
    n <= (known ?? 0) + 1 || deps.isArchived(partition, src, n - 1);
  const giveUp = ({ partition, src, n }: LogEntry): void => {
    hunts.delete(partition);
    deps.logger?.error({ partition, src, before: n }, 'events of this producer before this number are in no stream; going on without them');
    deps.onGone(partition);
  };
  /** The hunt that this entry belongs to; behind its end it is over. */
  const huntAt = ({ partition, cursor }: LogEntry): Hunt | undefined => {
    const hunt = hunts.get(partition);
    if (hunt === undefined || compareIds(cursor, hunt.until) <= 0) return hunt;
    hunts.delete(partition);
    return undefined;
  };
  const goBack = async ({ partition, cursor }: LogEntry, hunt: Hunt | undefined, after: string, places: Places): Promise<void> => {
    hunts.set(partition, { until: hunt?.until ?? cursor, fromFirst: hunt !== undefined });
    deps.onHole(partition);
    await places.goBack(partition, after, hunt !== undefined);
  };

  return {
    async upToGap({ partition, from, after }, entries, places) {
      const known = seenIn.get(partition);
      const seen: Seen =
        known?.cursor === from && known.producers.size < MOST_PRODUCERS ? known : { cursor: from, producers: new Map<string, number>() };
      seenIn.set(partition, seen);
      for (const [index, entry] of entries.entries()) {
        const last = seen.producers.get(entry.src);
        const hunt = huntAt(entry);
        // On the way from the first entry other holes are of no account: whoever passed them did what could be done.
        const passes = hunt?.fromFirst === true && entry.cursor !== hunt.until;
        const fits = passes || follows(entry, last);
        if (fits !== true && !(await fits)) {
          if (hunt?.fromFirst) giveUp(entry);
          else if (index > 0 || after === null) {
            // Behind good entries the next read begins right here, with a cursor to go back from.
            if (hunt) places.goOn(partition);
            return entries.slice(0, index);
          } else if (after === undefined) giveUp(entry);
          else {
            await goBack(entry, hunt, after, places);
            return [];
          }
        }
        if (!entry.src.startsWith('unreadable:')) seen.producers.set(entry.src, Math.max(entry.n, last ?? 0));
        seen.cursor = entry.cursor;
      }
      return entries;
    },
  };
}
