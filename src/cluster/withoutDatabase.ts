/**
 * The runs that serve by Redis while they cannot reach the database. The database takes them for dead; whoever loses Redis after
 * them must not act as if they were: it would command what they never hear of, and move the limits from under their calls.
 */
import type { NodeRun } from './nodeRun.js';
import { isSilent, type Word } from './words.js';

export interface WithoutDatabase {
  /** The words of all runs as Redis has them now. */
  heard(words: ReadonlyMap<string, Word>, now: number): void;
  /** Who they were when Redis was heard last, but for those whose later sign in the database says that they have lost Redis as well. */
  runIds(): readonly string[];
}

export interface WithoutDatabaseDeps {
  readonly runId: string;
  /** Runs as they were read from the database last, and when (monotonic ms). */
  readonly known: () => { readonly living: readonly NodeRun[]; readonly readAt: number };
  readonly monotonic: () => number;
}

/** A sign may have been on its way when the word was said. */
const LATER_MS = 1_000;

export function createWithoutDatabase({ runId, known, monotonic }: WithoutDatabaseDeps): WithoutDatabase {
  /** Run → when it was heard last, monotonic ms. */
  let lost: ReadonlyMap<string, number> = new Map();
  const hasNeither = (run: string, heardAt: number): boolean => {
    const { living, readAt } = known();
    const sign = living.find((one) => one.runId === run);
    return sign !== undefined && !sign.stale && !sign.redisUp && readAt - sign.seenAgoMs > heardAt + LATER_MS;
  };
  return {
    heard(words, now) {
      const at = monotonic();
      const speaking = [...words].filter(([run, word]) => run !== runId && word.kind === 'lost' && !isSilent(word, now));
      lost = new Map(speaking.map(([run]) => [run, at]));
    },
    runIds: () => [...lost].filter(([run, at]) => !hasNeither(run, at)).map(([run]) => run),
  };
}
