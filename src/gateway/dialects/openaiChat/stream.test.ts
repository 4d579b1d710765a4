/** The exact chunks of an OpenAI stream (pitfalls 44–46). */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../errors.js';
import type { ModelEvent } from '../../../upstreams/define.js';
import { context, readFrames, rendered } from '../contract.js';
import { chatError } from './error.js';
import { chatStream } from './stream.js';

interface Chunk {
  choices: { delta: Record<string, unknown>; finish_reason: string | null }[];
  usage?: unknown;
}

const quiet = { ...context, options: {} };
const stop: ModelEvent = { type: 'stop', reason: 'end_turn', sequence: null };
const usage: ModelEvent = {
  type: 'usage',
  usage: { inputTokens: 10, outputTokens: 4, cacheReadTokens: 6, cacheWriteTokens: 0, estimated: false },
};

function chunks(events: readonly ModelEvent[], withContext = quiet): Chunk[] {
  const frames = readFrames(rendered(chatStream(withContext), events));
  expect(frames.at(-1)?.data).toBe('[DONE]');
  return frames.slice(0, -1).map((frame) => frame.data as Chunk);
}

const deltas = (events: readonly ModelEvent[]): unknown[] => chunks(events).map((chunk) => chunk.choices[0]?.delta);

describe('pitfall 44: chunks', () => {
  it('say the role once, then text, then finish_reason once', () => {
    const list = chunks([{ type: 'text', text: 'a"\n' }, { type: 'text', text: 'b' }, stop]);
    expect(list.map((chunk) => chunk.choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '', refusal: null },
      { content: 'a"\n' },
      { content: 'b' },
      {},
    ]);
    expect(list.map((chunk) => chunk.choices[0]?.finish_reason)).toEqual([null, null, null, 'stop']);
    expect(list.every((chunk) => !('usage' in chunk))).toBe(true);
  });

  it('carry thinking as reasoning_content and leave signatures out', () => {
    const events: ModelEvent[] = [
      { type: 'thinking', text: 'hm' },
      { type: 'thinking_signature', signature: 's' },
      { type: 'redacted_thinking', data: 'r' },
      stop,
    ];
    expect(deltas(events).slice(1)).toEqual([{ reasoning_content: 'hm' }, {}]);
  });

  it('number tool calls, name each once, and serialise what the upstream interleaves', () => {
    const events: ModelEvent[] = [
      { type: 'tool_start', id: 'a', name: 'f' },
      { type: 'tool_start', id: 'b', name: 'g' },
      { type: 'tool_input', id: 'b', json: '{}' },
      { type: 'tool_input', id: 'a', json: '{"x":' },
      { type: 'tool_input', id: 'a', json: '1}' },
      { type: 'tool_end', id: 'b' },
      { type: 'tool_end', id: 'a' },
      { ...stop, reason: 'tool_use' },
    ];
    const calls = deltas(events).flatMap((delta) => (delta as { tool_calls?: unknown[] }).tool_calls ?? []);
    expect(calls).toEqual([
      { index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } },
      { index: 0, function: { arguments: '{"x":' } },
      { index: 0, function: { arguments: '1}' } },
      { index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '' } },
      { index: 1, function: { arguments: '{}' } },
    ]);
    expect(chunks(events).at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');
  });

  it('pitfall 34: a tool without arguments has {}', () => {
    const calls = deltas([{ type: 'tool_start', id: 'a', name: 'f' }, { type: 'tool_end', id: 'a' }, stop]);
    expect(calls[2]).toEqual({ tool_calls: [{ index: 0, function: { arguments: '{}' } }] });
  });

  it('pitfall 33: a tool that was cut is never completed with {}', () => {
    const text = rendered(chatStream(quiet), [
      { type: 'tool_start', id: 'a', name: 'f' },
      { ...stop, reason: 'max_tokens' },
    ]);
    expect(text).not.toContain('{}"');
    expect(text).toContain('"finish_reason":"length"');
  });

  it('end with a usage chunk without choices where include_usage was asked', () => {
    const list = chunks([{ type: 'text', text: 'a' }, usage, { type: 'metering', microCredits: 250_000 }, stop], context);
    expect(list.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(list.at(-1)).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: 10,
        completion_tokens: 4,
        total_tokens: 14,
        prompt_tokens_details: { cached_tokens: 6 },
        kirogate: { estimated: false, credits: 0.25 },
      },
    });
  });

  it('mark usage as estimated where the upstream gave none', () => {
    expect(chunks([{ type: 'text', text: 'abcd' }, stop], context).at(-1)?.usage).toMatchObject({
      prompt_tokens: 42,
      completion_tokens: 1,
      kirogate: { estimated: true, credits: null },
    });
  });

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['tool_use', 'tool_calls'],
    ['max_tokens', 'length'],
    ['context_window', 'length'],
    ['refusal', 'content_filter'],
  ] as const)('map %s to %s', (reason, finish) => {
    expect(chunks([{ type: 'stop', reason, sequence: null }]).at(-1)?.choices[0]?.finish_reason).toBe(finish);
  });
});

describe('errors', () => {
  it('pitfall 45: come in the stream with [DONE] behind them', () => {
    const renderer = chatStream(quiet);
    const frames = readFrames(renderer.start() + renderer.fail(new AppError('pool_exhausted', { retryAfterSeconds: 3 })));
    expect(frames.slice(1).map((frame) => frame.data)).toEqual([
      {
        error: {
          retry_after: 3,
          message: 'Every upstream token is at its limit or cooling down.',
          type: 'rate_limit_error',
          code: 'pool_exhausted',
          param: null,
        },
      },
      '[DONE]',
    ]);
  });

  it.each([
    ['invalid_request', 400, 'invalid_request_error'],
    ['invalid_api_key', 401, 'invalid_request_error'],
    ['user_banned', 403, 'permission_error'],
    ['model_not_found', 404, 'invalid_request_error'],
    ['payload_too_large', 413, 'invalid_request_error'],
    ['quota_exceeded', 429, 'insufficient_quota'],
    ['key_rate_limited', 429, 'rate_limit_error'],
    ['internal', 500, 'server_error'],
    ['upstream_overloaded', 503, 'server_error'],
  ] as const)('%s is a %i %s', (code, status, type) => {
    expect(chatError(new AppError(code))).toMatchObject({ status, body: { error: { code, type } } });
  });

  it('name the field', () => {
    expect(chatError(new AppError('invalid_request', { param: 'messages[0].role' })).body).toMatchObject({
      error: { param: 'messages[0].role' },
    });
  });

  it('let no extra replace the code', () => {
    expect(chatError(new AppError('internal', { extra: { code: 'x', quota: 'daily' } })).body).toMatchObject({
      error: { code: 'internal', quota: 'daily' },
    });
  });
});

it('pitfall 46: the keep-alive is a comment', () => {
  expect(chatStream(quiet).keepAlive()).toBe(': keep-alive\n\n');
});
