import { describe, expect, it } from 'vitest';
import { safeText, visibleText } from './safeText.js';

describe('free text', () => {
  it('has no NUL and no lone surrogate, and is cut between characters', () => {
    expect(safeText('a\u0000b\ud800c')).toBe('a b\ufffdc');
    expect(safeText('ab😀', 3)).toBe('ab');
  });
});

describe('what people type', () => {
  it.each([
    '\u200b\u202e\u0000',
    '\u2800',
    '\u3164\uffa0',
    '\ufe0f',
    '\u200d',
    '\u115f\u1160',
    '\u{e0041}\u{e0042}',
    ' \u2066\u2069 \ufeff',
  ])('is empty where there is nothing to see: %j', (text) => {
    expect(visibleText(text)).toBe('');
  });

  it('cannot turn what stands around it', () => {
    expect(visibleText('a\u202egnp.exe\u202c')).toBe('agnp.exe');
    expect(visibleText('\u2067admin\u2069')).toBe('admin');
    expect(visibleText('ad\u200bmin\ufeff')).toBe('admin');
    expect(visibleText('name\u{e0068}\u{e0069}')).toBe('name');
  });

  it.each(['👩‍👩‍👧', '🏳️‍🌈', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', 'می\u200cخواهم', 'क्\u200dष', '葛󠄀', 'key א\u200f!', 'two\nlines'])(
    'keeps what a script or an emoji needs: %s',
    (text) => {
      expect(visibleText(text)).toBe(text);
    },
  );

  it('keeps a joiner between two characters only', () => {
    expect(visibleText('\u200da\u200d\u200db\u200c c\u200f')).toBe('a\u200db c');
  });
});
