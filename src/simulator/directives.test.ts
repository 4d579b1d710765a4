import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasDirectives, parseDirectives } from './directives.js';

describe('directives in a text', () => {
  it('are read and taken out of it', () => {
    expect(parseDirectives('Hello [[sim words 12]] there [[sim delay 50]]')).toEqual({
      rest: 'Hello  there',
      turns: [{ words: 12, delayMs: 50 }],
    });
  });

  it('call several tools with JSON that may hold anything, even the closing mark', () => {
    const input = { command: 'echo "]]" && test [[ -f x ]]', nested: { list: [[1], [2]] } };
    const text = `[[sim tool Bash ${JSON.stringify(input)}]] [[sim tool mcp__a-b {}]] [[sim tool Bare]]`;
    expect(parseDirectives(text).turns).toEqual([
      {
        tools: [
          { name: 'Bash', input },
          { name: 'mcp__a-b', input: {} },
          { name: 'Bare', input: {} },
        ],
      },
    ]);
  });

  it('read back any JSON object a tool may be called with', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const input = JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
        expect(parseDirectives(`x [[sim tool T ${JSON.stringify(input)}]] y`)).toEqual({
          rest: 'x  y',
          turns: [{ tools: [{ name: 'T', input }] }],
        });
      }),
    );
  });

  it('give each turn its own part', () => {
    expect(parseDirectives('[[sim tool A {}]][[sim next]][[sim tool B {}]][[sim next]][[sim say done]]').turns).toEqual([
      { tools: [{ name: 'A', input: {} }] },
      { tools: [{ name: 'B', input: {} }] },
      { text: 'done' },
    ]);
  });

  it('name errors with and without a reason', () => {
    const error = (text: string) => parseDirectives(text).turns[0]?.error;
    expect(error('[[sim error 429 INSUFFICIENT_MODEL_CAPACITY come back later]]')).toEqual({
      status: 429,
      reason: 'INSUFFICIENT_MODEL_CAPACITY',
      message: 'come back later',
    });
    expect(error('[[sim error 500]]')).toEqual({ status: 500, reason: null, message: 'Simulated error.' });
    expect(error('[[sim error 403 - no]]')).toEqual({ status: 403, reason: null, message: 'no' });
  });

  it('know all the verbs of the page', () => {
    const one = (text: string) => parseDirectives(`[[sim ${text}]]`).turns[0];
    expect(one('think a b')).toEqual({ think: 'a b' });
    expect(one('gap 5')).toEqual({ gapMs: 5 });
    expect(one('cut 2')).toEqual({ cutAfter: 2 });
    expect(one('stall 0')).toEqual({ stallAfter: 0 });
    expect(one('split 1')).toEqual({ splitBytes: 1 });
    expect(one('hold')).toEqual({ hold: true });
    expect(one('quiet')).toEqual({ quiet: true });
    expect(one('empty')).toEqual({ empty: true });
    expect(one('interleave')).toEqual({ interleave: true });
    expect(one('input growing')).toEqual({ toolInput: 'growing' });
    expect(one('stop MAX_TOKENS')).toEqual({ stopReason: 'MAX_TOKENS' });
    expect(one('exception ThrottlingException slow down')).toEqual({ exception: { type: 'ThrottlingException', message: 'slow down' } });
    expect(one('fail InternalError')).toEqual({ errorFrame: { code: 'InternalError', message: 'Simulated.' } });
    expect(one('invalid BAD_STATE')).toEqual({ invalidState: { reason: 'BAD_STATE', message: 'Simulated.' } });
  });

  it.each(['[[sim tool X {"a":]]', '[[sim words many]]', '[[sim dance]]', '[[sim tool X {"a": "b', '[[sim split 0]]', '[[sim '])(
    'leave %s alone',
    (text) => {
      expect(hasDirectives(text)).toBe(true);
      expect(parseDirectives(text)).toEqual({ rest: text.trim(), turns: [{}] });
    },
  );
});
