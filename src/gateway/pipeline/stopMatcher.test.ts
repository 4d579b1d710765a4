/** Stop sequences are found however the text was cut, and nothing else is changed (pitfall 50). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createStopMatcher } from './stopMatcher.js';

function run(stops: readonly string[], pieces: readonly string[]): { text: string; matched: string | null } {
  const matcher = createStopMatcher(stops);
  let text = '';
  for (const piece of pieces) {
    text += matcher.push(piece);
    if (matcher.matched !== null) return { text, matched: matcher.matched };
  }
  return { text: text + matcher.flush(), matched: null };
}

/** What the matcher must find: the sequence that is complete first, the longest of those. */
function oracle(stops: readonly string[], text: string): { text: string; matched: string | null } {
  for (let end = 1; end <= text.length; end++) {
    const complete = stops.filter((stop) => text.slice(0, end).endsWith(stop)).sort((a, b) => b.length - a.length)[0];
    if (complete !== undefined) return { text: text.slice(0, end - complete.length), matched: complete };
  }
  return { text, matched: null };
}

it('finds a sequence that spans pieces', () => {
  expect(run(['\n\nHuman:'], ['Fine.\n', '\nHu', 'man', ': more'])).toEqual({ text: 'Fine.', matched: '\n\nHuman:' });
});

it('gives back what only looked like a sequence', () => {
  expect(run(['STOP'], ['ST', 'OMACH ST'])).toEqual({ text: 'STOMACH ST', matched: null });
});

it('holds back no more than may become a sequence', () => {
  const matcher = createStopMatcher(['<end>']);
  expect(matcher.push('long text <e')).toBe('long text ');
  expect(matcher.push('m>')).toBe('<em>');
});

it('agrees with the plain definition for any sequences, text and cuts', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(letters, { minLength: 1, maxLength: 3 }), fc.array(letters, { maxLength: 12 }), (stops, pieces) => {
      expect(run(stops, pieces)).toEqual(oracle(stops, pieces.join('')));
    }),
    { numRuns: 2_000 },
  );
});
