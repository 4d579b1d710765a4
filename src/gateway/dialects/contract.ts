/** The suite every dialect passes, with the generator of replies and the frame reader that its tests share. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../errors.js';
import type { ModelEvent } from '../../upstreams/define.js';
import type { Dialect, RenderContext, StreamRenderer } from './define.js';

export const context: RenderContext = {
  requestId: '01890a5d-ac96-774b-bcce-b302099a8057',
  model: 'claude-sonnet-4.5',
  inputTokensEstimate: 42,
  createdAt: 1_795_000_000,
  options: { includeUsage: true },
};

export interface Frame {
  readonly event: string | null;
  /** Parsed, or the text itself where it is no JSON (`[DONE]`). */
  readonly data: unknown;
}

/** Server-sent events as a client reads them; comments are left out. */
export function readFrames(text: string): Frame[] {
  if (text !== '' && !text.endsWith('\n\n')) throw new Error('the stream ends within a frame');
  return text
    .split('\n\n')
    .filter((frame) => frame !== '' && !frame.startsWith(':'))
    .map((frame) => {
      const lines = frame.split('\n');
      const field = (name: string): string | null => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null;
      const data = field('data') ?? '';
      return { event: field('event'), data: data === '[DONE]' ? data : (JSON.parse(data) as unknown) };
    });
}

/** The text of a whole stream. */
export function rendered(renderer: StreamRenderer, events: readonly ModelEvent[]): string {
  return renderer.start() + events.map((event) => renderer.event(event)).join('') + renderer.end();
}

const word = fc.string({ unit: 'grapheme', maxLength: 12 });

/** Text cut into pieces; their concatenation is the text. */
function pieces(text: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  return fc.tuple(text, fc.array(fc.nat(80), { maxLength: 4 })).map(([whole, cuts]) => {
    const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length];
    return at.slice(1).map((end, index) => whole.slice(at[index], end));
  });
}

const opaque = fc.stringMatching(/^[0-9a-f]{1,8}$/);

const speech: fc.Arbitrary<ModelEvent[]> = fc
  .array(
    fc.oneof(
      word.map((text): ModelEvent => ({ type: 'text', text })),
      word.map((text): ModelEvent => ({ type: 'thinking', text })),
      opaque.map((signature): ModelEvent => ({ type: 'thinking_signature', signature })),
      opaque.map((data): ModelEvent => ({ type: 'redacted_thinking', data })),
    ),
    { maxLength: 10 },
  )
  .map((events) => events);

function tool(id: string): fc.Arbitrary<ModelEvent[]> {
  const input = fc.option(fc.dictionary(word, fc.jsonValue({ maxDepth: 2 })), { nil: null });
  return pieces(input.map((value) => (value === null ? '' : JSON.stringify(value)))).map((json) => [
    { type: 'tool_start', id, name: `tool_${id}` },
    ...json.map((piece): ModelEvent => ({ type: 'tool_input', id, json: piece })),
    { type: 'tool_end', id },
  ]);
}

/** Merges tracks in a random order that keeps each track's own. */
function interleaved(tracks: readonly ModelEvent[][], picks: readonly number[]): ModelEvent[] {
  const left = tracks.map((track) => [...track]);
  const events: ModelEvent[] = [];
  for (let turn = 0; ; turn++) {
    const open = left.filter((track) => track.length > 0);
    const next = open[(picks[turn % picks.length] ?? 0) % Math.max(1, open.length)]?.shift();
    if (next === undefined) return events;
    events.push(next);
  }
}

const usage: fc.Arbitrary<ModelEvent[]> = fc
  .option(
    fc.record({
      inputTokens: fc.nat(),
      outputTokens: fc.nat(),
      cacheReadTokens: fc.constant(0),
      cacheWriteTokens: fc.constant(0),
      estimated: fc.boolean(),
    }),
    { nil: null },
  )
  .map((figures) => (figures === null ? [] : [{ type: 'usage', usage: figures }]));

const metering: fc.Arbitrary<ModelEvent[]> = fc
  .array(fc.nat(5_000_000), { maxLength: 2 })
  .map((credits) => credits.map((microCredits): ModelEvent => ({ type: 'metering', microCredits })));

const stop: fc.Arbitrary<ModelEvent> = fc.oneof(
  fc
    .constantFrom('end_turn' as const, 'tool_use' as const, 'max_tokens' as const, 'context_window' as const, 'refusal' as const)
    .map((reason): ModelEvent => ({ type: 'stop', reason, sequence: null })),
  word.map((sequence): ModelEvent => ({ type: 'stop', reason: 'stop_sequence', sequence })),
);

/** Replies as upstreams yield them: text, thinking and tool calls interleaved, sometimes cut in the middle of everything. */
export const replies: fc.Arbitrary<ModelEvent[]> = fc
  .record({
    tracks: fc.tuple(speech, tool('a'), tool('b'), tool('c')),
    tools: fc.nat(3),
    picks: fc.array(fc.nat(7), { minLength: 1, maxLength: 30 }),
    cut: fc.option(fc.nat(40), { nil: null }),
    usage,
    metering,
    stop,
  })
  .map((parts) => {
    const output = interleaved(parts.tracks.slice(0, parts.tools + 1), parts.picks);
    return [...output.slice(0, parts.cut ?? output.length), ...parts.usage, ...parts.metering, parts.stop];
  });

export interface DialectContract {
  readonly dialect: Dialect;
  /** Puts a stream's frames together as a client does, into what `whole` answers; throws where the frames break the API's rules. */
  join(frames: readonly Frame[]): unknown;
}

export function dialectContract({ dialect, join }: DialectContract): void {
  describe(`${dialect.name} as a dialect`, () => {
    it('pitfall 52, promise 7: a whole reply equals the concatenated stream', () => {
      fc.assert(
        fc.property(replies, (events) => {
          expect(join(readFrames(rendered(dialect.stream(context), events)))).toEqual(dialect.whole(context, events));
        }),
        { numRuns: 400 },
      );
    });

    it('renders the same whole reply however the text was cut into pieces', () => {
      fc.assert(
        fc.property(replies, (events) => {
          const finer = events.flatMap((event): ModelEvent[] =>
            event.type === 'text' ? [...event.text].map((text) => ({ type: 'text', text })) : [event],
          );
          const counted = finer.some((event) => event.type === 'usage') ? finer : [{ type: 'usage', usage: zero } as const, ...finer];
          const original = counted === finer ? events : [{ type: 'usage', usage: zero } as const, ...events];
          expect(dialect.whole(context, counted)).toEqual(dialect.whole(context, original));
        }),
        { numRuns: 100 },
      );
    });

    it('pitfall 46: takes a keep-alive between any two events', () => {
      fc.assert(
        fc.property(replies, (events) => {
          const renderer = dialect.stream(context);
          const text =
            renderer.start() +
            renderer.keepAlive() +
            events.map((event) => renderer.event(event) + renderer.keepAlive()).join('') +
            renderer.end();
          expect(join(readFrames(text))).toEqual(dialect.whole(context, events));
        }),
        { numRuns: 100 },
      );
    });

    it('pitfall 45: ends once, with an error or cleanly, never with both', () => {
      const failed = dialect.stream(context);
      expect(failed.fail(new AppError('upstream_error'))).toContain('"upstream_error"');
      expect(failed.end()).toBe('');
      const ended = dialect.stream(context);
      expect(ended.end()).not.toBe('');
      expect(ended.fail(new AppError('upstream_error'))).toBe('');
    });

    it('pitfall 53: says of every key fault the same', () => {
      const plain = dialect.error(new AppError('invalid_api_key'), 'r');
      expect(dialect.error(new AppError('invalid_api_key', { message: 'key 12 was revoked' }), 'r')).toEqual(plain);
      expect(plain.status).toBe(401);
    });

    it('pitfall 54: an overflow has the words that make clients compact, and the code', () => {
      const { status, body } = dialect.error(new AppError('context_length_exceeded', { message: 'Input is too long.' }), 'r');
      expect(status).toBe(400);
      expect(JSON.stringify(body)).toMatch(/prompt is too long.*|"code":"context_length_exceeded"/);
      expect((body as { error: { code: string; message: string } }).error).toMatchObject({
        code: 'context_length_exceeded',
        message: 'prompt is too long: Input is too long.',
      });
    });

    it('puts code and extras inside the error object', () => {
      const error = new AppError('quota_exceeded', { retryAfterSeconds: 60, extra: { quota: 'daily', reset_at: '2026-11-24T00:00:00Z' } });
      const { status, body } = dialect.error(error, 'r');
      expect(status).toBe(429);
      expect((body as { error: unknown }).error).toMatchObject({
        code: 'quota_exceeded',
        quota: 'daily',
        reset_at: '2026-11-24T00:00:00Z',
        retry_after: 60,
      });
    });
  });
}

const zero = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, estimated: true };
