import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAll, endFrames, eventFrame, joined, textFrame } from './fixtures.js';
import { createThinkingTags } from './thinkingTags.js';

function split(chunks: readonly string[]): { thinking: string; text: string } {
  const tags = createThinkingTags();
  const events = [...chunks.flatMap((chunk) => tags.push(chunk)), ...tags.flush()];
  return { thinking: joined(events, 'thinking'), text: joined(events, 'text') };
}

const replies: readonly [string, string, string][] = [
  ['<thinking>\nhmm\n</thinking>\n\nYes.\n\nMore', 'hmm\n', 'Yes.\n\nMore'],
  ['\n <thinking>a</thinking>b', 'a', 'b'],
  ['<thinking>use `</thinking>` here</thinking>ok', 'use `</thinking>` here', 'ok'],
  ['<thinking>say "</thinking>" twice "</thinking>"</thinking>\nok', 'say "</thinking>" twice "</thinking>"', 'ok'],
  ['<thinking>a < b </thin king></thinking>done', 'a < b </thin king>', 'done'],
  ['no tags <thinking>x</thinking>', '', 'no tags <thinking>x</thinking>'],
  ['<thinkin', '', '<thinkin'],
  ['<thinking>never closed', 'never closed', ''],
  ['<thinking></thinking>text', '', 'text'],
  ["<thinking>quote'</thinking>", "quote'", ''],
];

describe('thinking tags', () => {
  it.each(replies)('pitfall 42: %j', (reply, thinking, text) => {
    expect(split([reply])).toEqual({ thinking, text });
  });

  it('pitfall 42: tags split over chunks anywhere give the same result', () => {
    fc.assert(
      fc.property(fc.constantFrom(...replies), fc.array(fc.nat({ max: 60 }), { maxLength: 8 }), ([reply, thinking, text], cuts) => {
        const sorted = [0, ...cuts.map((cut) => Math.min(cut, reply.length)).sort((a, b) => a - b), reply.length];
        expect(split(sorted.slice(1).map((end, at) => reply.slice(sorted[at], end)))).toEqual({ thinking, text });
      }),
    );
    for (const [reply, thinking, text] of replies) expect(split([...reply])).toEqual({ thinking, text });
  });

  it('pitfall 42: thinking followed directly by a tool call', () => {
    const events = decodeAll(
      [
        textFrame('<thinking>so'),
        textFrame('</thinking>'),
        eventFrame('toolUseEvent', { toolUseId: 't', name: 'f', stop: true }),
        ...endFrames(),
      ],
      { thinkingTags: true },
    );
    expect(events.slice(0, 2)).toEqual([
      { type: 'thinking', text: 'so' },
      { type: 'tool_start', id: 't', name: 'f' },
    ]);
  });
});
