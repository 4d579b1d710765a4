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
  /** Redis' clock, ms. */
  readonly saidAt: number;
}

const WORD = /^(follows|lost|gone) (\d{1,16}) (\d{1,16}) (\d{1,16})$/;

/** Without `saidAt`, which the server adds. */
export const wordText = ({ kind, position, asOf }: Omit<Word, 'saidAt'>): string => `${kind} ${position} ${Math.max(0, Math.floor(asOf))}`;

/** undefined: no word of ours. */
export function parseWord(text: unknown): Word | undefined {
  const [, kind, position, asOf, saidAt] = (typeof text === 'string' && WORD.exec(text)) || [];
  if (kind === undefined) return undefined;
  return { kind: kind as Word['kind'], position: Number(position), asOf: Number(asOf), saidAt: Number(saidAt) };
}

/** Each says its word several times a second: who has not for so long is dead, frozen, or has lost Redis. */
export const SILENT_MS = 2_000;
/** So long without the database is no hiccup: such a run is believed to be without it also when it has fallen silent. */
const SUSTAINED_MS = 3_000;

export interface Heard {
  /** Of all runs but one's own that may live: the last word, undefined where none was heard. */
  readonly words: ReadonlyMap<string, Word | undefined>;
  /** Redis' clock when they were read. */
  readonly now: number;
}

/**
 * Can none of them have confirmed a command beyond its word, nor confirm one before it says so? Only where each has lost the
 * database as well, or has left. A run that is silent, and followed the database when it was heard last, may have lost Redis alone.
 */
export function nobodyCommands({ words, now }: Heard): boolean {
  for (const word of words.values()) {
    if (word?.kind === 'gone') continue;
    if (word?.kind !== 'lost') return false;
    const isSilent = now - word.saidAt > SILENT_MS;
    if (isSilent && word.saidAt - word.asOf < SUSTAINED_MS) return false;
  }
  return true;
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
