/** A reply within the client's rules, whatever the upstream knows of them (pitfalls 43, 50). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelEvent, StopReason } from '../../upstreams/define.js';
import { apart, each } from '../../upstreams/testing/events.js';
import { estimateTokens, tokenWeight } from '../../upstreams/tokens.js';
import { replies } from '../dialects/contract.js';
import { enforceOutput } from './output.js';
import type { OutputRules } from './outputGate.js';

const free: OutputRules = { stop: [], maxTokens: null };
const text = (piece: string): ModelEvent => ({ type: 'text', text: piece });
const stop = (reason: StopReason, sequence: string | null = null): ModelEvent => ({ type: 'stop', reason, sequence });
const call = (id: string, json = '{}'): ModelEvent[] => [
  { type: 'tool_start', id, name: 'look' },
  { type: 'tool_input', id, json },
  { type: 'tool_end', id },
];

interface Watched {
  readonly events: AsyncIterable<ModelEvent>;
  readonly pulled: () => number;
  readonly closed: () => boolean;
}

function watched(list: readonly ModelEvent[]): Watched {
  let pulled = 0;
  let closed = false;
  async function* generate(): AsyncGenerator<ModelEvent> {
    try {
      for (const event of list) {
        pulled++;
        yield event;
      }
    } finally {
      closed = true;
    }
  }
  return { events: generate(), pulled: () => pulled, closed: () => closed };
}

async function collected(list: readonly ModelEvent[], rules: OutputRules): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of each(enforceOutput(apart(watched(list).events), rules))) events.push(event);
  return events;
}

const said = (events: readonly ModelEvent[]): string => events.map((event) => (event.type === 'text' ? event.text : '')).join('');

describe('without rules', () => {
  it('passes every event as the same object', async () => {
    await fc.assert(
      fc.asyncProperty(replies, async (events) => {
        const output = await collected(events, free);
        expect(output.length).toBe(events.length);
        for (const [index, event] of output.entries()) if (event.type !== 'stop') expect(event).toBe(events[index]);
      }),
      { numRuns: 100 },
    );
  });
});

describe('pitfall 43: the stop reason', () => {
  it('is tool_use when a call was finished', async () => {
    expect((await collected([...call('a'), stop('end_turn')], free)).at(-1)).toEqual(stop('tool_use'));
  });

  it('is end_turn when a tool_use was announced and no call came', async () => {
    expect((await collected([text('hm'), stop('tool_use')], free)).at(-1)).toEqual(stop('end_turn'));
  });

  it('stays max_tokens when the reply was cut behind a call', async () => {
    expect((await collected([...call('a'), text('and'), stop('max_tokens')], free)).at(-1)).toEqual(stop('max_tokens'));
  });
});

describe('pitfall 50: stop sequences', () => {
  it('end the reply across piece borders and name the sequence', async () => {
    const source = watched([text('one E'), text('N'), text('D two'), text('three'), stop('end_turn')]);
    const events: ModelEvent[] = [];
    for await (const event of each(enforceOutput(apart(source.events), { stop: ['END'], maxTokens: null }))) events.push(event);
    expect(events).toEqual([text('one '), stop('stop_sequence', 'END')]);
    expect(source.pulled()).toBe(3);
    expect(source.closed()).toBe(true);
  });

  it('let held text go before a tool call', async () => {
    const events = await collected([text('look E'), ...call('a'), stop('tool_use')], { stop: ['END'], maxTokens: null });
    expect(events).toEqual([text('look '), text('E'), ...call('a'), stop('tool_use')]);
  });

  it('let held text go at the end', async () => {
    expect(said(await collected([text('the E'), stop('end_turn')], { stop: ['END'], maxTokens: null }))).toBe('the E');
    expect(said(await collected([text('the E')], { stop: ['END'], maxTokens: null }))).toBe('the E');
  });

  it('do not look into thinking or tool input', async () => {
    const events: ModelEvent[] = [{ type: 'thinking', text: 'END' }, ...call('a', '{"x":"END"}'), stop('tool_use')];
    expect(await collected(events, { stop: ['END'], maxTokens: null })).toEqual(events);
  });

  it('add an estimated usage where the upstream can no longer tell', async () => {
    const events = await collected([text('abcdEND'), stop('end_turn')], { stop: ['END'], maxTokens: null, inputTokens: () => 7 });
    expect(events[1]).toEqual({
      type: 'usage',
      usage: { inputTokens: 7, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0, estimated: true },
    });
  });
});

describe('pitfall 50: max_tokens', () => {
  it('cuts within a piece, ends the upstream and says max_tokens', async () => {
    const source = watched([text('x'.repeat(1_000)), text('never'), stop('end_turn')]);
    const events: ModelEvent[] = [];
    for await (const event of each(enforceOutput(apart(source.events), { stop: [], maxTokens: 10 }))) events.push(event);
    expect(events).toEqual([text('x'.repeat(40)), stop('max_tokens')]);
    expect(source.pulled()).toBe(1);
    expect(source.closed()).toBe(true);
  });

  it('leaves a reply alone that just fits', async () => {
    const events = [text('x'.repeat(40)), stop('end_turn')];
    expect(await collected(events, { stop: [], maxTokens: 10 })).toEqual(events);
  });

  it('counts thinking and tool input', async () => {
    const events: ModelEvent[] = [{ type: 'thinking', text: 'x'.repeat(20) }, ...call('a', `{"a":"${'y'.repeat(40)}"}`), stop('tool_use')];
    const output = await collected(events, { stop: [], maxTokens: 10 });
    expect(output.at(-2)).toEqual({ type: 'tool_input', id: 'a', json: `{"a":"${'y'.repeat(14)}` });
    expect(output.at(-1)).toEqual(stop('max_tokens'));
  });

  it('never exceeds the estimate, never splits a character, and keeps a prefix of what was said', async () => {
    const pieces = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }).map(text), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 30 }), async (events, maxTokens) => {
        const output = said(await collected([...events, stop('end_turn')], { stop: [], maxTokens }));
        expect(said(events).startsWith(output)).toBe(true);
        expect(estimateTokens(output)).toBeLessThanOrEqual(maxTokens + 1e-9);
        expect(output.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe('a single tool call', () => {
  it('leaves out the second one, also when the two interleave', async () => {
    const [startA, inputA, endA] = call('a');
    const [startB, inputB, endB] = call('b');
    const events = [startA, startB, inputA, inputB, endB, endA, stop('tool_use')].filter((event) => event !== undefined);
    expect(await collected(events, { ...free, singleTool: true })).toEqual([...call('a'), stop('tool_use')]);
  });
});

describe('all rules together', () => {
  it('end any reply with one stop, within the limit, and keep a prefix of what was said', async () => {
    const rules = fc.record({
      stop: fc.array(fc.string({ unit: fc.constantFrom('a', 'e', ' '), minLength: 1, maxLength: 2 }), { maxLength: 2 }),
      maxTokens: fc.option(fc.integer({ min: 1, max: 20 }), { nil: null }),
      singleTool: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(replies, rules, async (events, limits) => {
        const output = await collected(events, limits);
        expect(output.filter((event) => event.type === 'stop')).toEqual([output.at(-1)]);
        expect(said(events).startsWith(said(output))).toBe(true);
        expect(output.filter((event) => event.type === 'tool_start').length).toBeLessThanOrEqual(limits.singleTool ? 1 : 3);
        const weight = output.reduce(
          (sum, event) => sum + tokenWeight('text' in event ? event.text : 'json' in event ? event.json : ''),
          0,
        );
        expect(weight).toBeLessThanOrEqual((limits.maxTokens ?? Number.POSITIVE_INFINITY) + 1e-9);
      }),
      { numRuns: 500 },
    );
  });

  it('let nothing follow when text that was held back is already too much', async () => {
    const events = await collected([text('abcd'), text('E'), ...call('a'), stop('tool_use')], { stop: ['END'], maxTokens: 1 });
    expect(events).toEqual([text('abcd'), stop('max_tokens')]);
  });
});

describe('events that come together', () => {
  async function together(list: readonly ModelEvent[], rules: OutputRules): Promise<(readonly ModelEvent[])[]> {
    const lists: (readonly ModelEvent[])[] = [];
    async function* all(): AsyncGenerator<readonly ModelEvent[]> {
      yield list;
    }
    for await (const events of enforceOutput(all(), rules)) lists.push(events);
    return lists;
  }

  it('go on as the list they came in', async () => {
    const list = [text('a'), text('b'), stop('end_turn')];
    expect((await together(list, free))[0]).toBe(list);
  });

  it('say the same as events that come one by one, whatever the rules', async () => {
    const rules = fc.record({ stop: fc.constantFrom([], ['a'], ['ab', 'ba']), maxTokens: fc.option(fc.nat({ max: 20 })) });
    await fc.assert(
      fc.asyncProperty(replies, rules, async (events, rule) => {
        expect((await together(events, rule)).flat()).toEqual(await collected(events, rule));
      }),
      { numRuns: 200 },
    );
  });
});

describe('the iteration', () => {
  it('is ended at the source when the consumer leaves', async () => {
    const source = watched([text('a'), text('b')]);
    for await (const event of each(enforceOutput(apart(source.events), free))) {
      expect(event).toEqual(text('a'));
      break;
    }
    expect(source.closed()).toBe(true);
  });

  it('passes on what the source throws', async () => {
    async function* broken(): AsyncGenerator<ModelEvent> {
      yield text('a');
      throw new Error('cut');
    }
    const iterator = enforceOutput(apart(broken()), { stop: ['a b'], maxTokens: 5 })[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toThrow('cut');
  });

  it('reads no further than it is asked', async () => {
    const source = watched([text('a'), text('b'), text('c')]);
    const iterator = enforceOutput(apart(source.events), { stop: ['z'], maxTokens: 100 })[Symbol.asyncIterator]();
    await iterator.next();
    expect(source.pulled()).toBe(1);
  });
});
