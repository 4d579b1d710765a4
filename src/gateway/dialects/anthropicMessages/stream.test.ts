/** The exact events of an Anthropic stream (pitfalls 35, 40, 41, 45–47). */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../errors.js';
import type { ModelEvent } from '../../../upstreams/define.js';
import { context, readFrames, rendered } from '../contract.js';
import { messagesError } from './error.js';
import { messagesStream } from './stream.js';
import { messagesWhole } from './whole.js';

const stop: ModelEvent = { type: 'stop', reason: 'end_turn', sequence: null };
const text = (piece: string): ModelEvent => ({ type: 'text', text: piece });
const thinking = (piece: string): ModelEvent => ({ type: 'thinking', text: piece });
const signature = (piece: string): ModelEvent => ({ type: 'thinking_signature', signature: piece });

/** The events between message_start and message_delta, without their index. */
function blocks(events: readonly ModelEvent[]): unknown[] {
  const frames = readFrames(rendered(messagesStream(context), [...events, stop]));
  return frames
    .map((frame) => frame.data as { type: string; delta?: unknown; content_block?: unknown })
    .filter((data) => data.type.startsWith('content_block'))
    .map((data) => data.content_block ?? data.delta ?? 'stop');
}

const kinds = (events: readonly ModelEvent[]): string[] =>
  (messagesWhole(context, [...events, stop]) as { content: { type: string }[] }).content.map((block) => block.type);

describe('pitfall 40: the frame of a message', () => {
  it('is start, ping, blocks, delta with usage, stop', () => {
    const frames = readFrames(rendered(messagesStream(context), [text('a'), { ...stop, reason: 'stop_sequence', sequence: 'END' }]));
    expect(frames.map((frame) => frame.event)).toEqual([
      'message_start',
      'ping',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(frames[5]?.data).toMatchObject({ delta: { stop_reason: 'stop_sequence', stop_sequence: 'END' }, usage: { output_tokens: 1 } });
  });

  it('pitfall 47: begins with the estimate and ends with the figures', () => {
    const usage: ModelEvent = {
      type: 'usage',
      usage: { inputTokens: 100, outputTokens: 5, cacheReadTokens: 60, cacheWriteTokens: 10, estimated: false },
    };
    const frames = readFrames(rendered(messagesStream(context), [text('a'), usage, { type: 'metering', microCredits: 1_500_000 }, stop]));
    expect(frames[0]?.data).toMatchObject({
      message: { usage: { input_tokens: 42, output_tokens: 0, kirogate: { estimated: true, credits: null } } },
    });
    expect(frames.at(-2)?.data).toMatchObject({
      usage: {
        input_tokens: 30,
        cache_read_input_tokens: 60,
        cache_creation_input_tokens: 10,
        output_tokens: 5,
        kirogate: { estimated: false, credits: 1.5 },
      },
    });
  });

  it('holds no block for an empty reply', () => {
    expect(blocks([text(''), thinking('')])).toEqual([]);
  });

  it.each([
    ['context_window', 'model_context_window_exceeded'],
    ['refusal', 'refusal'],
    ['max_tokens', 'max_tokens'],
  ] as const)('maps %s to %s', (reason, word) => {
    expect(messagesWhole(context, [{ type: 'stop', reason, sequence: null }])).toMatchObject({ stop_reason: word });
  });
});

describe('pitfall 41: thinking', () => {
  it('has its joined signature in one delta before the block stops', () => {
    expect(blocks([thinking('h'), thinking('m'), signature('s1'), signature('s2'), text('a')])).toEqual([
      { type: 'thinking', thinking: '', signature: '' },
      { type: 'thinking_delta', thinking: 'h' },
      { type: 'thinking_delta', thinking: 'm' },
      { type: 'signature_delta', signature: 's1s2' },
      'stop',
      { type: 'text', text: '' },
      { type: 'text_delta', text: 'a' },
      'stop',
    ]);
  });

  it('may be unseen: a signature alone at the start is a block', () => {
    expect(blocks([signature('s'), text('a')]).slice(0, 3)).toEqual([
      { type: 'thinking', thinking: '', signature: '' },
      { type: 'signature_delta', signature: 's' },
      'stop',
    ]);
  });

  it('after a signature is a new block', () => {
    expect(kinds([thinking('a'), signature('s'), thinking('b'), text('c')])).toEqual(['thinking', 'thinking', 'text']);
  });

  it('redacted is a block of its own, in its place', () => {
    expect(blocks([{ type: 'redacted_thinking', data: 'x' }, text('a')]).slice(0, 2)).toEqual([
      { type: 'redacted_thinking', data: 'x' },
      'stop',
    ]);
  });

  it('behind the text waits for more text, and is left out at the end', () => {
    expect(kinds([text('a'), thinking('late'), text('b')])).toEqual(['text', 'thinking', 'text']);
    expect(kinds([text('a'), { type: 'redacted_thinking', data: 'x' }])).toEqual(['text']);
    expect(kinds([text('a'), thinking('late')])).toEqual(['text']);
  });

  it('loses a signature that came after its block, rather than give it to another', () => {
    expect(kinds([thinking('a'), text('b'), signature('s'), text('c')])).toEqual(['thinking', 'text']);
  });

  it('alone is shown', () => {
    expect(kinds([thinking('only')])).toEqual(['thinking']);
  });
});

describe('tools', () => {
  const start = (id: string): ModelEvent => ({ type: 'tool_start', id, name: `f_${id}` });
  const input = (id: string, json: string): ModelEvent => ({ type: 'tool_input', id, json });
  const end = (id: string): ModelEvent => ({ type: 'tool_end', id });

  it('start with {} and get their input as text', () => {
    expect(blocks([start('a'), input('a', '{"x"'), input('a', ':1}'), end('a')])).toEqual([
      { type: 'tool_use', id: 'a', name: 'f_a', input: {} },
      { type: 'input_json_delta', partial_json: '{"x"' },
      { type: 'input_json_delta', partial_json: ':1}' },
      'stop',
    ]);
  });

  it('that interleave come one after the other', () => {
    const whole = messagesWhole(context, [
      start('a'),
      input('a', '{'),
      start('b'),
      input('b', '{"y":2}'),
      end('b'),
      text('said'),
      input('a', '}'),
      end('a'),
      stop,
    ]);
    expect(whole).toMatchObject({
      content: [
        { type: 'tool_use', id: 'a', input: {} },
        { type: 'tool_use', id: 'b', input: { y: 2 } },
        { type: 'text', text: 'said' },
      ],
    });
  });

  it('pitfall 32: identical calls with different ids are both kept', () => {
    expect(kinds([start('a'), input('a', '{}'), end('a'), start('b'), input('b', '{}'), end('b')])).toEqual(['tool_use', 'tool_use']);
  });

  it('pitfall 35: text behind a tool opens a new block', () => {
    expect(kinds([text('x'), start('a'), end('a'), text('y')])).toEqual(['text', 'tool_use', 'text']);
  });

  it('pitfall 33: cut in the middle keep what was complete', () => {
    expect(
      messagesWhole(context, [start('a'), input('a', '{"x":[1,2,{"y":"z"}],"cut":"of'), { ...stop, reason: 'max_tokens' }]),
    ).toMatchObject({
      content: [{ type: 'tool_use', input: { x: [1, 2, { y: 'z' }] } }],
      stop_reason: 'max_tokens',
    });
  });
});

describe('errors', () => {
  it('pitfall 45: come as an error event, without a clean stop', () => {
    const renderer = messagesStream(context);
    const frames = readFrames(
      renderer.start() + renderer.event(text('a')) + renderer.fail(new AppError('upstream_error')) + renderer.end(),
    );
    expect(frames.at(-1)).toEqual({
      event: 'error',
      data: {
        type: 'error',
        error: { type: 'api_error', message: 'The upstream failed.', code: 'upstream_error' },
        request_id: context.requestId,
      },
    });
  });

  it.each([
    ['invalid_request', 400, 'invalid_request_error'],
    ['invalid_api_key', 401, 'authentication_error'],
    ['ip_banned', 403, 'permission_error'],
    ['model_not_found', 404, 'not_found_error'],
    ['payload_too_large', 413, 'request_too_large'],
    ['pool_exhausted', 429, 'rate_limit_error'],
    ['internal', 500, 'api_error'],
    ['upstream_error', 502, 'api_error'],
    ['upstream_overloaded', 503, 'overloaded_error'],
    ['site_disabled', 503, 'api_error'],
    ['upstream_timeout', 504, 'timeout_error'],
  ] as const)('%s is a %i %s', (code, status, type) => {
    expect(messagesError(new AppError(code), 'r1')).toMatchObject({
      status,
      body: { type: 'error', error: { code, type }, request_id: 'r1' },
    });
  });
});

it('pitfall 46: the keep-alive is a ping', () => {
  expect(messagesStream(context).keepAlive()).toBe('event: ping\ndata: {"type":"ping"}\n\n');
});
