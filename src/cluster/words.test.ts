/** What a run without the database may conclude from what the others say. */
import { describe, expect, it } from 'vitest';
import { nobodyCommands, parseWord, parseWords, proofsIn, type Word, wordText } from './words.js';

const NOW = 1_800_000_000_000;
const said = (kind: Word['kind'], over: Partial<Word> = {}): Word => ({
  kind,
  position: 7,
  asOf: NOW - 300,
  term: 4,
  saidAt: NOW - 100,
  ...over,
});
const heard = (...words: (Word | undefined)[]) => ({
  now: NOW,
  words: new Map(words.map((word, index) => [`run-${index}`, word])),
  withoutRedis: new Set<string>(),
  // A minute ago, long before any of these words.
  followedAsOf: NOW - 60_000,
});
const proofs = (...words: (Word | undefined)[]) => proofsIn(heard(...words), 0);

describe('a word', () => {
  it('is read as it was said, with the time that the server put behind it', () => {
    expect(parseWord(`${wordText({ kind: 'lost', position: 12, asOf: 34.9, term: 4 })} 56`)).toEqual({
      kind: 'lost',
      position: 12,
      asOf: 34,
      term: 4,
      saidAt: 56,
    });
    expect(wordText({ kind: 'follows', position: 0, asOf: -3, term: -1 })).toBe('follows 0 0 0');
  });

  it('is none where the record is not one of ours', () => {
    for (const text of [
      '',
      'follows',
      'follows 1 2',
      'follows 1 2 3',
      'follows 1 2 3 4 5',
      'leads 1 2 3 4',
      'lost -1 2 3 4',
      'lost 1 2 3 99999999999999999',
      7,
      null,
    ])
      expect(parseWord(text)).toBeUndefined();
  });
});

describe('the words of all', () => {
  it('are read with the time of the server; what is no word is left out', () => {
    expect(parseWords([NOW, 'a', 'lost 1 2 3 4', 'b', 'nonsense', 'c'])).toEqual({
      now: NOW,
      words: new Map([['a', parseWord('lost 1 2 3 4')]]),
    });
  });

  it('are refused where the answer is something else', () => {
    for (const reply of [null, 'OK', [], ['1', 'a', 'lost 1 2 3 4']]) expect(() => parseWords(reply)).toThrow('answered something else');
  });
});

describe('that nobody can command', () => {
  it('is so where there is no other run', () => expect(nobodyCommands(heard())).toBe(true));

  it('is so where all others have lost the database, or have left', () => {
    expect(nobodyCommands(heard(said('lost'), said('gone', { saidAt: 1 }), said('lost')))).toBe(true);
  });

  it('is not so where one follows', () => {
    expect(nobodyCommands(heard(said('lost'), said('follows')))).toBe(false);
  });

  it('is so where one has no word, which others took away when it was dead, unless the database knew it to be without Redis', () => {
    expect(nobodyCommands(heard(said('lost'), undefined))).toBe(true);
    expect(nobodyCommands({ ...heard(said('lost'), undefined), withoutRedis: new Set(['run-1']) })).toBe(false);
  });

  it('is not so where one fell silent that followed when the database was lost here, and is where it went with the database', () => {
    for (const kind of ['follows', 'lost'] as const) {
      const silent = said(kind, { saidAt: NOW - 2_001, asOf: NOW - 2_100 });
      const others = heard(said('lost'), silent);
      expect(nobodyCommands(others)).toBe(false);
      expect(nobodyCommands({ ...others, followedAsOf: silent.asOf - 3_001 })).toBe(false);
      expect(nobodyCommands({ ...others, followedAsOf: silent.asOf - 3_000 })).toBe(true);
      expect(nobodyCommands({ ...others, followedAsOf: NOW })).toBe(true);
      expect(nobodyCommands({ ...others, followedAsOf: NOW, withoutRedis: new Set(['run-1']) })).toBe(false);
      expect(nobodyCommands({ ...others, followedAsOf: NOW, withoutRedis: new Set(['run-0']) })).toBe(true);
    }
  });

  it('is not so yet where one that follows may be about to speak', () => {
    expect(nobodyCommands({ ...heard(said('follows', { saidAt: NOW - 2_000 })), followedAsOf: NOW })).toBe(false);
  });
});

describe('proofs', () => {
  it('are the words of all that can say since when they know', () => {
    expect(proofs(said('follows'), said('lost', { position: 6, asOf: NOW - 900 }), undefined)).toEqual([
      { position: 7, ageMs: 300 },
      { position: 6, ageMs: 900 },
    ]);
    expect(proofs(said('follows', { asOf: 0 }))).toEqual([]);
  });

  it('are none from a clock that stands before theirs', () => {
    expect(proofs(said('follows', { asOf: NOW + 1 }))).toEqual([]);
  });

  it('are as new as the reading where nobody can command, for whoever knows what all of them confirmed', () => {
    const words = heard(said('lost', { asOf: 0, position: 9 }), said('gone', { asOf: 0, position: 4 }));
    expect(proofsIn(words, 3)).toEqual([{ position: 9, ageMs: 0 }]);
    expect(proofsIn(words, 11)).toEqual([{ position: 11, ageMs: 0 }]);
  });
});
