/**
 * What each run says in Redis of its copy of the control events, and what a run that cannot ask the database itself may
 * conclude from that: a pure rule.
 */

export interface Word {
  /** `lost`: has not followed the database for a while. Whoever said so confirms no command before taking it back. */
  readonly kind: 'follows' | 'lost' | 'gone';
  /** Every control event up to here is known to it, or was confirmed by it. */
  readonly position: number;
  /** Redis' clock, ms: nothing beyond `position` had been confirmed by anybody then; 0: it cannot say. */
  readonly asOf: number;
  /** Term of the limits' home as it knows it. */
  readonly term: number;
  /** Redis' clock, ms. */
  readonly saidAt: number;
}

const WORD = /^(follows|lost|gone) (\d{1,16}) (\d{1,16}) (\d{1,16}) (\d{1,16})$/;

/** Without `saidAt`, which the server adds. */
export const wordText = ({ kind, position, asOf, term }: Omit<Word, 'saidAt'>): string =>
  `${kind} ${position} ${Math.max(0, Math.floor(asOf))} ${Math.max(0, term)}`;

/** undefined: no word of ours. */
export function parseWord(text: unknown): Word | undefined {
  const [, kind, position, asOf, term, saidAt] = (typeof text === 'string' && WORD.exec(text)) || [];
  if (kind === undefined) return undefined;
  return { kind: kind as Word['kind'], position: Number(position), asOf: Number(asOf), term: Number(term), saidAt: Number(saidAt) };
}

/** What the script answers that reads them: the server's time, ms, then runs and words in turn. Throws where it is something else. */
export function parseWords(reply: unknown): { readonly now: number; readonly words: ReadonlyMap<string, Word> } {
  const [now, ...pairs] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
  if (typeof now !== 'number') throw new Error('the script of the words answered something else');
  const words = new Map<string, Word>();
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const word = parseWord(pairs[i + 1]);
    if (word !== undefined) words.set(String(pairs[i]), word);
  }
  return { now, words };
}

/** Each says its word several times a second: who has not for so long is dead, frozen, or has lost Redis. */
export const SILENT_MS = 2_000;
/** Who followed the database for so much longer than oneself did lost it later, or not at all. */
const LATER_MS = 3_000;

export interface Heard {
  /** Of all runs but one's own that may live: the last word, undefined where none was heard. */
  readonly words: ReadonlyMap<string, Word | undefined>;
  /** Runs that had lost Redis, by their last sign in the database that was read. */
  readonly withoutRedis: ReadonlySet<string>;
  /** Redis' clock when oneself followed the database last. */
  readonly followedAsOf: number;
  /** Redis' clock when they were read. */
  readonly now: number;
}

/**
 * Can none of them have confirmed a command beyond its word, nor confirm one before it says so? Who has lost the database or has
 * left cannot. Who fell silent is dead, or has lost Redis alone and may take commands: that is to be feared of one that followed
 * the database when oneself had lost it already, or that was known to be without Redis. Silent with the database, it was one crash.
 */
export function nobodyCommands({ words, withoutRedis, followedAsOf, now }: Heard): boolean {
  for (const [run, word] of words) {
    if (word?.kind === 'gone') continue;
    // Without a word it has not begun to take commands, or somebody who had the database took the word of a dead run away.
    const isSilent = word === undefined || now - word.saidAt > SILENT_MS;
    if (!isSilent && word.kind === 'follows') return false;
    if (isSilent && (withoutRedis.has(run) || (word?.asOf ?? 0) - followedAsOf > LATER_MS)) return false;
  }
  return true;
}

/** Can nobody have moved the limits on from this term, since nobody has the database? */
export function nobodyMoves(heard: Heard, term: number): boolean {
  return nobodyCommands(heard) && [...heard.words.values()].every((word) => word === undefined || word.term <= term);
}

/** What one's own copy must hold to be as new as `ageMs` before the words were read. */
export interface Proof {
  readonly position: number;
  readonly ageMs: number;
}

/** `committed`: the highest position of a command of one's own. */
export function proofsIn(heard: Heard, committed: number): Proof[] {
  const words = [...heard.words.values()].filter((word) => word !== undefined);
  const proofs = words
    .filter(({ asOf }) => asOf > 0 && asOf <= heard.now)
    .map(({ position, asOf }) => ({ position, ageMs: heard.now - asOf }));
  if (nobodyCommands(heard)) proofs.push({ position: Math.max(committed, ...words.map(({ position }) => position)), ageMs: 0 });
  return proofs;
}
