/** Turns the frames of one reply into model events: text, thinking, tools, usage, stop, or the failure they tell of (kiro-protocol B7, B8, C2). */
import { isUtf8 } from 'node:buffer';
import { type ModelEvent, type StopReason, UpstreamFailure, type Usage } from '../define.js';
import { tokenWeight } from '../tokens.js';
import { readRefusal, refusalFailure, shortType } from './failures.js';
import type { Frame } from './frames.js';
import { createTextJoiner } from './textJoiner.js';
import { createThinkingTags } from './thinkingTags.js';
import { createToolCalls, type ToolUsePayload } from './toolCalls.js';

export interface DecoderOptions {
  /** The client's tool name behind the one on the wire. */
  readonly originalName: (wire: string) => string;
  /** The model's window in tokens, for usage from `contextUsagePercentage`. */
  readonly contextWindow: number;
  /** Used when the upstream says nothing of usage. */
  readonly estimateInput: () => number;
  /** Does the model think in `<thinking>` tags in this reply? */
  readonly thinkingTags: boolean;
  /** Cut out of error texts. */
  readonly secrets: readonly string[];
  /** Something unknown was skipped; told by name, never by content. */
  readonly onOddity: (what: string) => void;
}

export interface StreamDecoder {
  frame(frame: Frame): ModelEvent[];
  /** The reply's last events: what was held back, usage, metering, `stop`. Throws UpstreamFailure `protocol` for a cut stream. */
  end(): ModelEvent[];
}

const stopReasons: Readonly<Record<string, StopReason | 'malformed'>> = {
  END_TURN: 'end_turn',
  STOP_SEQUENCE: 'stop_sequence',
  TOOL_USE: 'tool_use',
  MAX_TOKENS: 'max_tokens',
  MODEL_CONTEXT_WINDOW_EXCEEDED: 'context_window',
  CONTENT_FILTERED: 'refusal',
  GUARDRAIL_INTERVENED: 'refusal',
  MALFORMED_TOOL_USE: 'malformed',
  MALFORMED_MODEL_OUTPUT: 'malformed',
};

/** Known events that carry nothing for a client (B7). */
const silentEvents = new Set([
  'messageMetadataEvent',
  'followupPromptEvent',
  'citationEvent',
  'codeEvent',
  'supplementaryWebLinksEvent',
  'intentsEvent',
  'interactionComponentsEvent',
  'dryRunSucceedEvent',
  'initial-response',
]);

type Payload = Readonly<Record<string, unknown>>;

const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0);

export function createStreamDecoder(options: DecoderOptions): StreamDecoder {
  const tags = options.thinkingTags ? createThinkingTags() : null;
  let outputWeight = 0;
  const tools = createToolCalls({
    originalName: options.originalName,
    onOutput(text) {
      outputWeight += tokenWeight(text);
    },
  });
  const contentJoiner = createTextJoiner();
  const reasoningJoiner = createTextJoiner();
  /** The event at hand was not valid UTF-8; its strings hold one byte per character. */
  let raw = false;
  let signature = '';
  let stopReason: string | null = null;
  let overLength = false;
  let sawMetadata = false;
  let contextPercent: number | null = null;
  let metered: Usage | null = null;
  let credits = 0;
  let sawMetering = false;
  let lastContent = '';
  /** A content event equal to the one before it, held for one frame (see `codeReferenceEvent`). */
  let heldRepeat = '';

  const text = (content: string): ModelEvent[] => {
    outputWeight += tokenWeight(content);
    return tags ? tags.push(content) : [{ type: 'text', text: content }];
  };

  /** What must be out before an event of another kind. */
  const settle = (): ModelEvent[] => {
    const events: ModelEvent[] = [];
    if (heldRepeat !== '') events.push(...text(heldRepeat));
    heldRepeat = '';
    if (signature !== '') events.push({ type: 'thinking_signature', signature });
    signature = '';
    return events;
  };

  const content = (payload: Payload): ModelEvent[] => {
    if (typeof payload.content !== 'string') return [];
    const value = contentJoiner.join(payload.content, raw);
    const events = settle();
    if (value === '') return events;
    if (value === lastContent) heldRepeat = value;
    else events.push(...text(value));
    lastContent = value;
    return events;
  };

  const reasoning = (payload: Payload): ModelEvent[] => {
    const events: ModelEvent[] = [];
    const { signature: piece, redactedContent } = payload;
    const value = typeof payload.text === 'string' ? reasoningJoiner.join(payload.text, raw) : '';
    if (value !== '') {
      events.push(...settle(), ...(tags?.flush() ?? []));
      outputWeight += tokenWeight(value);
      events.push({ type: 'thinking', text: value });
    }
    // Signature deltas are joined: one that is not whole is refused when it is replayed (B11).
    if (typeof piece === 'string') signature += piece;
    if (typeof redactedContent === 'string' && redactedContent !== '')
      events.push(...settle(), { type: 'redacted_thinking', data: redactedContent });
    return events;
  };

  const metadata = (payload: Payload): ModelEvent[] => {
    sawMetadata = true;
    if (typeof payload.stopReason === 'string') stopReason = payload.stopReason.toUpperCase();
    metered = readTokenUsage(payload.tokenUsage) ?? metered;
    return [];
  };

  const handlers: Readonly<Record<string, (payload: Payload) => ModelEvent[]>> = {
    assistantResponseEvent: content,
    reasoningContentEvent: reasoning,
    toolUseEvent: (payload) => [...settle(), ...(tags?.flush() ?? []), ...tools.event(payload as ToolUsePayload, raw)],
    metadataEvent: metadata,
    contextUsageEvent(payload) {
      contextPercent = number(payload.contextUsagePercentage);
      return [];
    },
    meteringEvent(payload) {
      sawMetering = true;
      credits += number(payload.usage);
      return [];
    },
    // The official client takes the content event right before this one for a repeat and drops it. Ours drops it
    // only when it does repeat its predecessor, because losing text is worse than showing some twice.
    codeReferenceEvent() {
      heldRepeat = '';
      return [];
    },
    invalidStateEvent(payload) {
      throw refusalFailure(readRefusal(undefined, JSON.stringify(payload), {}, 0), options.secrets);
    },
  };

  const usage = (): Usage => {
    if (metered) return metered;
    const outputTokens = Math.ceil(outputWeight);
    // The percentage covers the whole window in use; adding the output on top would count it twice (B8).
    const total = contextPercent ? Math.round((contextPercent / 100) * options.contextWindow) : 0;
    const inputTokens = total > outputTokens ? total - outputTokens : options.estimateInput();
    return { inputTokens, outputTokens, cacheReadTokens: 0, cacheWriteTokens: 0, estimated: true };
  };

  const reasonAtEnd = (): StopReason => {
    const mapped = stopReason === null ? 'end_turn' : stopReasons[stopReason];
    if (mapped === undefined) options.onOddity(`stop reason ${stopReason?.slice(0, 40)}`);
    if (mapped === 'malformed')
      throw new UpstreamFailure({
        kind: 'protocol',
        message: 'The model produced output that the upstream could not read.',
        reason: stopReason ?? '',
      });
    const reason = overLength ? 'max_tokens' : (mapped ?? 'end_turn');
    return reason === 'end_turn' && tools.finished > 0 ? 'tool_use' : reason;
  };

  const event = (type: string, payload: Payload): ModelEvent[] => {
    const handler = Object.hasOwn(handlers, type) ? handlers[type] : undefined;
    if (!handler) {
      if (!silentEvents.has(type)) options.onOddity(`event ${type.slice(0, 60) || '(without a type)'}`);
      return settle();
    }
    const inner = payload[type];
    return handler(typeof inner === 'object' && inner !== null ? (inner as Payload) : payload);
  };

  return {
    frame(frame) {
      const kind = frame.headers[':message-type'] ?? 'event';
      if (kind === 'event') {
        const payload = readPayload(frame.payload, (bytes) => {
          raw = bytes;
        });
        return event(frame.headers[':event-type'] ?? guessType(payload), payload);
      }
      const failure = readException(frame, options.secrets);
      if (failure !== 'over_length') throw failure;
      overLength = true;
      return [];
    },
    end() {
      const events = settle();
      const half = contentJoiner.rest();
      if (half !== '') events.push(...text(half));
      events.push(...(tags?.flush() ?? []));
      if (!sawMetadata && contextPercent === null && !overLength) {
        throw new UpstreamFailure({ kind: 'protocol', message: 'The upstream ended the stream before the reply was whole.' });
      }
      const limited = overLength || stopReason === 'MAX_TOKENS' || stopReason === 'MODEL_CONTEXT_WINDOW_EXCEEDED';
      events.push(...tools.finish(limited));
      const reason = reasonAtEnd();
      events.push({ type: 'usage', usage: usage() });
      if (sawMetering) events.push({ type: 'metering', microCredits: Math.round(credits * 1_000_000) });
      events.push({ type: 'stop', reason, sequence: null });
      return events;
    },
  };
}

function readPayload(payload: Buffer, onRaw: (raw: boolean) => void): Payload {
  if (payload.length === 0) return {};
  try {
    let json = payload.toString('utf8');
    // The replacement character may be the model's own; only bytes that are not UTF-8 make a payload raw.
    const raw = json.includes('\ufffd') && !isUtf8(payload);
    if (raw) json = payload.toString('latin1');
    onRaw(raw);
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as Payload) : {};
  } catch (error) {
    throw new UpstreamFailure({ kind: 'protocol', message: 'The upstream sent an event that is not JSON.', cause: error });
  }
}

/** An event without `:event-type` shows by its members what it is; its text must not get lost. */
function guessType(payload: Payload): string {
  if (typeof payload.toolUseId === 'string') return 'toolUseEvent';
  return typeof payload.content === 'string' ? 'assistantResponseEvent' : '';
}

/** All zeros means that the upstream did not count (B8). */
function readTokenUsage(value: unknown): Usage | null {
  if (typeof value !== 'object' || value === null) return null;
  const counts = value as Payload;
  const cacheReadTokens = Math.round(number(counts.cacheReadInputTokens));
  const cacheWriteTokens = Math.round(number(counts.cacheWriteInputTokens));
  const uncached = Math.round(number(counts.uncachedInputTokens) || number(counts.inputTokens));
  const outputTokens = Math.round(number(counts.outputTokens));
  const inputTokens = uncached + cacheReadTokens + cacheWriteTokens;
  return inputTokens + outputTokens === 0 ? null : { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, estimated: false };
}

/** Exception frames carry JSON; error frames carry everything in headers. */
function readException(frame: Frame, secrets: readonly string[]): UpstreamFailure | 'over_length' {
  const type = shortType(frame.headers[':exception-type'] ?? frame.headers[':error-code'] ?? '');
  const body = frame.payload.toString('utf8');
  const refusal = readRefusal(undefined, body, {}, 0);
  const reason = refusal.reason ?? (type === '' ? null : type);
  if (/^ContentLengthExceeded/i.test(type) || /^ContentLengthExceeded/i.test(reason ?? '')) return 'over_length';
  const message = frame.headers[':error-message'] ?? (refusal.message || type);
  // The type decides where the reason says nothing: `reason` is often null or a detail.
  const failure = refusalFailure(
    { reason: type === '' ? reason : type, message: `${message}${reason && reason !== type ? ` (${reason})` : ''}` },
    secrets,
  );
  return failure;
}
