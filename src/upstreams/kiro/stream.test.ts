import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelEvent } from '../define.js';
import { decodeAll, encodeFrame, endFrames, eventFrame, joined, textFrame } from './fixtures.js';

const tool = (payload: Record<string, unknown>): Buffer => eventFrame('toolUseEvent', payload);
const ofType = <T extends ModelEvent['type']>(events: readonly ModelEvent[], type: T): Extract<ModelEvent, { type: T }>[] =>
  events.filter((event): event is Extract<ModelEvent, { type: T }> => event.type === type);
const inputOf = (events: readonly ModelEvent[], id: string): string =>
  ofType(events, 'tool_input')
    .filter((event) => event.id === id)
    .map((event) => event.json)
    .join('');
const failing = (frames: readonly Buffer[]): unknown => {
  try {
    decodeAll(frames);
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('decoding a reply', () => {
  it('turns a normal stream into text, usage, metering and stop, in this order', () => {
    expect(decodeAll([textFrame('Hel'), textFrame('lo'), ...endFrames()])).toEqual([
      { type: 'text', text: 'Hel' },
      { type: 'text', text: 'lo' },
      { type: 'usage', usage: { inputTokens: 2_998, outputTokens: 2, cacheReadTokens: 0, cacheWriteTokens: 0, estimated: true } },
      { type: 'metering', microCredits: 31_000 },
      { type: 'stop', reason: 'end_turn', sequence: null },
    ]);
  });

  it('pitfall 29: a character whose bytes are split over two events comes out whole', () => {
    const bytes = Buffer.from('世界👋');
    for (let at = 1; at < bytes.length; at++) {
      const event = (part: Buffer): Buffer =>
        eventFrame('assistantResponseEvent', Buffer.concat([Buffer.from('{"content":"'), part, Buffer.from('"}')]));
      expect(joined(decodeAll([event(bytes.subarray(0, at)), event(bytes.subarray(at)), ...endFrames()]), 'text')).toBe('世界👋');
    }
  });

  it('pitfall 29: a surrogate pair split over two events comes out whole, also in tool input and thinking', () => {
    const half = (type: string, key: string, more: string, escaped: string): Buffer =>
      eventFrame(type, Buffer.from(`{${more}"${key}":"${escaped}"}`));
    const events = decodeAll([
      half('reasoningContentEvent', 'text', '', '\\ud83d'),
      half('reasoningContentEvent', 'text', '', '\\ude00'),
      half('assistantResponseEvent', 'content', '', 'a\\ud83d'),
      half('assistantResponseEvent', 'content', '', '\\ude00b'),
      half('toolUseEvent', 'input', '"toolUseId":"t1","name":"f",', '{\\"a\\":\\"\\ud83d'),
      half('toolUseEvent', 'input', '"toolUseId":"t1","stop":true,', '\\ude00\\"}'),
      ...endFrames('TOOL_USE'),
    ]);
    expect(joined(events, 'thinking')).toBe('😀');
    expect(joined(events, 'text')).toBe('a😀b');
    expect(JSON.parse(inputOf(events, 't1'))).toEqual({ a: '😀' });
  });

  it('pitfall 29: half a character that nothing follows does not vanish in silence', () => {
    expect(joined(decodeAll([eventFrame('assistantResponseEvent', Buffer.from('{"content":"a\\ud83d"}')), ...endFrames()]), 'text')).toBe(
      'a\ufffd',
    );
  });

  it('pitfall 30: two equal consecutive content events are both kept', () => {
    expect(joined(decodeAll([textFrame('ha'), textFrame('ha'), textFrame('ha'), ...endFrames()]), 'text')).toBe('hahaha');
    expect(joined(decodeAll([textFrame('ha'), textFrame('ha'), textFrame('!'), ...endFrames()]), 'text')).toBe('haha!');
  });

  it('pitfall 30: only a repeat right before a codeReferenceEvent is dropped', () => {
    const reference = eventFrame('codeReferenceEvent', { references: [] });
    expect(joined(decodeAll([textFrame('code'), textFrame('code'), reference, ...endFrames()]), 'text')).toBe('code');
    expect(joined(decodeAll([textFrame('co'), textFrame('de'), reference, ...endFrames()]), 'text')).toBe('code');
  });

  it('pitfall 31: tool input as text pieces', () => {
    const events = decodeAll([
      tool({ toolUseId: 't1', name: 'read', input: '' }),
      tool({ toolUseId: 't1', name: 'read', input: '{"pa' }),
      tool({ toolUseId: 't1', name: 'read', input: 'th":"a"}' }),
      tool({ toolUseId: 't1', name: 'read', stop: true }),
      ...endFrames('TOOL_USE'),
    ]);
    expect(events.slice(0, 4)).toEqual([
      { type: 'tool_start', id: 't1', name: 'read' },
      { type: 'tool_input', id: 't1', json: '{"pa' },
      { type: 'tool_input', id: 't1', json: 'th":"a"}' },
      { type: 'tool_end', id: 't1' },
    ]);
    expect(events.at(-1)).toEqual({ type: 'stop', reason: 'tool_use', sequence: null });
  });

  it('pitfall 31: tool input as one object, as growing objects, and with an opening {}', () => {
    const one = decodeAll([tool({ toolUseId: 't1', name: 'f', input: { a: 1 }, stop: true }), ...endFrames()]);
    expect(inputOf(one, 't1')).toBe('{"a":1}');
    const growing = decodeAll([
      tool({ toolUseId: 't1', name: 'f', input: { a: 'x' } }),
      tool({ toolUseId: 't1', name: 'f', input: { a: 'xy' } }),
      tool({ toolUseId: 't1', name: 'f', input: { a: 'xyz', b: 2 } }),
      tool({ toolUseId: 't1', stop: true }),
      ...endFrames(),
    ]);
    expect(ofType(growing, 'tool_input')).toEqual([{ type: 'tool_input', id: 't1', json: '{"a":"xyz","b":2}' }]);
    const opened = decodeAll([
      tool({ toolUseId: 't1', name: 'f', input: {} }),
      tool({ toolUseId: 't1', input: '{"a":1}' }),
      tool({ toolUseId: 't1', input: {}, stop: true }),
      ...endFrames(),
    ]);
    expect(inputOf(opened, 't1')).toBe('{"a":1}');
  });

  it('pitfall 31: two interleaved tools do not mix', () => {
    const events = decodeAll([
      tool({ toolUseId: 'a', name: 'f', input: '{"x":' }),
      tool({ toolUseId: 'b', name: 'g', input: '{"y":' }),
      tool({ toolUseId: 'a', input: '1}' }),
      tool({ toolUseId: 'b', input: '2}' }),
      tool({ toolUseId: 'a', stop: true }),
      tool({ toolUseId: 'b', stop: true }),
      ...endFrames(),
    ]);
    expect([inputOf(events, 'a'), inputOf(events, 'b')]).toEqual(['{"x":1}', '{"y":2}']);
  });

  it('pitfall 31: however the input is cut, the pieces make the same object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
        fc.array(fc.nat({ max: 300 }), { maxLength: 6 }),
        (input, cuts) => {
          const json = JSON.stringify(input);
          const sorted = [0, ...cuts.map((cut) => Math.min(cut, json.length)).sort((a, b) => a - b), json.length];
          const pieces = sorted.slice(1).map((end, at) => tool({ toolUseId: 't', name: 'f', input: json.slice(sorted[at], end) }));
          const events = decodeAll([...pieces, tool({ toolUseId: 't', stop: true }), ...endFrames()]);
          expect(inputOf(events, 't')).toBe(json);
        },
      ),
    );
  });

  it('pitfall 32: identical parallel calls with different ids are both kept', () => {
    const call = (id: string): Buffer => tool({ toolUseId: id, name: 'f', input: { a: 1 }, stop: true });
    const events = decodeAll([call('a'), call('b'), ...endFrames()]);
    expect(ofType(events, 'tool_end').map((event) => event.id)).toEqual(['a', 'b']);
  });

  it('pitfall 33: a tool without stop is taken when its input is whole', () => {
    const events = decodeAll([tool({ toolUseId: 'a', name: 'f', input: '{"a":1}' }), ...endFrames()]);
    expect(ofType(events, 'tool_end')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ reason: 'tool_use' });
  });

  it.each([
    ['half an object', '{"a":'],
    ['nothing', ''],
  ])('pitfall 33: a tool without stop and with %s is an error, never {}', (_, input) => {
    expect(failing([tool({ toolUseId: 'a', name: 'f', input }), ...endFrames()])).toMatchObject({ kind: 'protocol' });
  });

  it('pitfall 33: a tool cut by the output limit stays without its end and the reason says max_tokens', () => {
    const events = decodeAll([tool({ toolUseId: 'a', name: 'f', input: '{"a":' }), ...endFrames('max_tokens')]);
    expect(ofType(events, 'tool_end')).toHaveLength(0);
    expect(events.at(-1)).toMatchObject({ reason: 'max_tokens' });
  });

  it('pitfall 33: a stop after arguments that are no JSON object is an error', () => {
    expect(failing([tool({ toolUseId: 'a', name: 'f', input: '{"a":', stop: true }), ...endFrames()])).toMatchObject({ kind: 'protocol' });
    expect(failing([tool({ toolUseId: 'a', name: 'f', input: '[1]', stop: true }), ...endFrames()])).toMatchObject({ kind: 'protocol' });
  });

  it('pitfall 34: a call without arguments is {}', () => {
    const events = decodeAll([
      tool({ toolUseId: 'a', name: 'f' }),
      tool({ toolUseId: 'a', stop: true }),
      tool({ toolUseId: 'a', stop: true }),
      ...endFrames(),
    ]);
    expect(events.slice(0, 3)).toEqual([
      { type: 'tool_start', id: 'a', name: 'f' },
      { type: 'tool_input', id: 'a', json: '{}' },
      { type: 'tool_end', id: 'a' },
    ]);
    expect(ofType(events, 'tool_end')).toHaveLength(1);
  });

  it('pitfall 35: text after a tool call follows it', () => {
    const events = decodeAll([textFrame('a'), tool({ toolUseId: 't', name: 'f', stop: true }), textFrame('b'), ...endFrames()]);
    expect(events.slice(0, 5).map((event) => event.type)).toEqual(['text', 'tool_start', 'tool_input', 'tool_end', 'text']);
  });

  it('pitfall 36: exception frames, error frames and invalid states are failures with the meaning of B9', () => {
    const exception = (type: string, body: unknown): Buffer =>
      encodeFrame({ ':message-type': 'exception', ':exception-type': type }, JSON.stringify(body));
    expect(failing([exception('ThrottlingException', { message: 'Rate exceeded' })])).toMatchObject({ kind: 'capacity' });
    expect(failing([exception('ThrottlingException', { message: 'x', reason: 'MONTHLY_REQUEST_COUNT' })])).toMatchObject({
      kind: 'credits',
    });
    expect(failing([exception('ValidationException', { message: 'Improperly formed request.' })])).toMatchObject({ kind: 'client' });
    expect(failing([exception('InternalServerException', { message: 'oops' })])).toMatchObject({ kind: 'transient', message: 'oops' });
    const error = encodeFrame(
      {
        ':message-type': 'error',
        ':error-code': 'AccessDeniedException',
        ':error-message': 'The bearer token included in the request is invalid.',
      },
      '',
    );
    expect(failing([error])).toMatchObject({ kind: 'auth', message: expect.stringContaining('bearer token') as string });
    expect(failing([eventFrame('invalidStateEvent', { reason: 'INVALID_TASK', message: 'not now' })])).toMatchObject({
      kind: 'protocol',
      message: 'not now',
    });
  });

  it('pitfall 36: an overlong reply ends as max_tokens', () => {
    const events = decodeAll([
      textFrame('a'),
      encodeFrame({ ':message-type': 'exception', ':exception-type': 'ContentLengthExceededException' }, '{"message":"x"}'),
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'stop', reason: 'max_tokens' });
  });

  it('pitfall 37: unknown events are skipped and told by name only', () => {
    const odd: string[] = [];
    const events = decodeAll(
      [eventFrame('brandNewEvent', { secret: 'text' }), textFrame('a'), eventFrame('followupPromptEvent', {}), ...endFrames()],
      { onOddity: (what) => odd.push(what) },
    );
    expect(joined(events, 'text')).toBe('a');
    expect(odd).toEqual(['event brandNewEvent']);
  });

  it('pitfall 38: text that looks like a tool call stays text', () => {
    const text = '[Called tool read with {}] <invoke name="rm">';
    const events = decodeAll([textFrame(text), ...endFrames()]);
    expect(joined(events, 'text')).toBe(text);
    expect(events.at(-1)).toMatchObject({ reason: 'end_turn' });
  });

  it('pitfall 39: an event without :event-type is known by its members', () => {
    const events = decodeAll([
      encodeFrame({ ':message-type': 'event' }, '{"content":"a"}'),
      encodeFrame({}, '{"content":"b"}'),
      encodeFrame({}, '{}'),
      ...endFrames(),
    ]);
    expect(joined(events, 'text')).toBe('ab');
  });

  it('an event that is not JSON is a protocol failure', () => {
    expect(failing([eventFrame('assistantResponseEvent', Buffer.from('{'))])).toMatchObject({ kind: 'protocol' });
  });

  it('a stream without metadata and context usage was cut', () => {
    expect(failing([textFrame('half an ans')])).toMatchObject({ kind: 'protocol' });
    expect(decodeAll([textFrame('a'), eventFrame('contextUsageEvent', { contextUsagePercentage: 1 })]).at(-1)).toMatchObject({
      reason: 'end_turn',
    });
  });

  it('tool names are mapped back', () => {
    const events = decodeAll([tool({ toolUseId: 'a', name: 'short', stop: true }), ...endFrames()], {
      originalName: () => 'mcp.server/long name',
    });
    expect(events[0]).toEqual({ type: 'tool_start', id: 'a', name: 'mcp.server/long name' });
  });
});

describe('stop reasons', () => {
  it.each([
    ['END_TURN', 'end_turn'],
    ['end_turn', 'end_turn'],
    ['STOP_SEQUENCE', 'stop_sequence'],
    ['TOOL_USE', 'tool_use'],
    ['MAX_TOKENS', 'max_tokens'],
    ['MODEL_CONTEXT_WINDOW_EXCEEDED', 'context_window'],
    ['CONTENT_FILTERED', 'refusal'],
    ['GUARDRAIL_INTERVENED', 'refusal'],
    ['SOMETHING_NEW', 'end_turn'],
  ])('B7: %s is %s', (wire, reason) => {
    expect(decodeAll([textFrame('a'), ...endFrames(wire)]).at(-1)).toMatchObject({ reason });
  });

  it.each(['MALFORMED_TOOL_USE', 'MALFORMED_MODEL_OUTPUT'])('B7: %s is a failure', (wire) => {
    expect(failing([textFrame('a'), ...endFrames(wire)])).toMatchObject({ kind: 'protocol' });
  });
});

describe('thinking', () => {
  it('joins signature deltas and gives the signature before what follows', () => {
    const events = decodeAll([
      eventFrame('reasoningContentEvent', { text: 'let me ' }),
      eventFrame('reasoningContentEvent', { text: 'see' }),
      eventFrame('reasoningContentEvent', { signature: 'abc' }),
      eventFrame('reasoningContentEvent', { signature: 'def' }),
      textFrame('Yes'),
      ...endFrames(),
    ]);
    expect(events.slice(0, 4)).toEqual([
      { type: 'thinking', text: 'let me ' },
      { type: 'thinking', text: 'see' },
      { type: 'thinking_signature', signature: 'abcdef' },
      { type: 'text', text: 'Yes' },
    ]);
  });

  it('passes redacted content, also after the text', () => {
    const events = decodeAll([textFrame('Yes'), eventFrame('reasoningContentEvent', { redactedContent: 'blob' }), ...endFrames()]);
    expect(events[1]).toEqual({ type: 'redacted_thinking', data: 'blob' });
  });
});

describe('usage', () => {
  it('B8: real token usage is metered, keeps its split and beats the estimate', () => {
    const tokenUsage = { uncachedInputTokens: 10, cacheReadInputTokens: 100, cacheWriteInputTokens: 5, outputTokens: 7 };
    const events = decodeAll([textFrame('a'), eventFrame('metadataEvent', { stopReason: 'END_TURN', tokenUsage })]);
    expect(ofType(events, 'usage')[0]?.usage).toEqual({
      inputTokens: 115,
      outputTokens: 7,
      cacheReadTokens: 100,
      cacheWriteTokens: 5,
      estimated: false,
    });
  });

  it('B8: all-zero usage is absent and does not overwrite better data', () => {
    const real = { uncachedInputTokens: 10, outputTokens: 7 };
    const zero = { uncachedInputTokens: 0, outputTokens: 0, cacheReadInputTokens: 0 };
    const after = decodeAll([
      textFrame('a'),
      eventFrame('metadataEvent', { tokenUsage: real }),
      eventFrame('metadataEvent', { tokenUsage: zero }),
    ]);
    expect(ofType(after, 'usage')[0]?.usage).toMatchObject({ inputTokens: 10, estimated: false });
    const only = decodeAll([textFrame('a'), eventFrame('metadataEvent', { tokenUsage: zero })]);
    expect(ofType(only, 'usage')[0]?.usage).toMatchObject({ inputTokens: 77, outputTokens: 1, estimated: true });
  });

  it('B8: credits of several events add up', () => {
    const events = decodeAll([textFrame('a'), ...endFrames(), eventFrame('meteringEvent', { usage: 0.5 })]);
    expect(ofType(events, 'metering')).toEqual([{ type: 'metering', microCredits: 531_000 }]);
  });
});
