import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createContentReader } from './contentReader.js';
import { readPayload } from './payload.js';

const content = (read: () => { payload: Readonly<Record<string, unknown>>; raw: boolean }): unknown => {
  try {
    const { payload, raw } = read();
    return { content: payload.content, raw };
  } catch (error) {
    return (error as Error).message;
  }
};

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', ' plain', '"', '\\', '\n', '\ufffd', '世界', '","content":"x'),
);
const members = fc.constantFrom(
  {},
  { modelId: 'm' },
  { modelId: 'n' },
  { content: 'again' },
  { nested: { content: 'x' } },
  { modelId: '"}' },
);
const payload = fc.oneof(
  fc.tuple(text, members).map(([said, more]) => JSON.stringify({ content: said, ...more })),
  fc.tuple(text, text).map(([first, second]) => `{"content":${JSON.stringify(first)},"content":${JSON.stringify(second)}}`),
  fc.tuple(text, members).map(([said, more]) => JSON.stringify({ ...more, content: said })),
  text.map((said) => `{"content":"${said}"}`),
  text.map((said) => `{"content":"${said}","modelId":"m"}`),
  fc.string(),
);

describe('reading text events', () => {
  it('reads whatever comes as the parser would, also after other payloads', () => {
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 12 }), (all) => {
        const reader = createContentReader();
        for (const json of all) {
          const bytes = Buffer.from(json, 'utf8');
          expect(content(() => reader(bytes))).toEqual(content(() => readPayload(bytes)));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads bytes that are no UTF-8 as the parser does', () => {
    const reader = createContentReader();
    const bytes = Buffer.concat([Buffer.from('{"content":"'), Buffer.from('世').subarray(0, 2), Buffer.from('"}')]);
    expect(reader(bytes)).toEqual(readPayload(bytes));
    expect(reader(bytes).raw).toBe(true);
  });
});
