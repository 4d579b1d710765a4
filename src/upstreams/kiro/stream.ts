/** Turns the frames of one reply into model events: text, thinking, tools, usage, stop, or the failure they tell of (kiro-protocol B7, C2). */
import { type ModelEvent, UpstreamFailure } from '../define.js';
import { createContentReader } from './contentReader.js';
import { createReplyEnding, type EndingOptions } from './ending.js';
import { readRefusal, refusalFailure } from './failures.js';
import type { Frame } from './frames.js';
import { guessType, type Payload, readException, readPayload } from './payload.js';
import { createTextJoiner } from './textJoiner.js';
import { createThinkingTags } from './thinkingTags.js';
import { createToolCalls, type ToolUsePayload } from './toolCalls.js';

export interface DecoderOptions extends EndingOptions {
  /** The client's tool name behind the one on the wire. */
  readonly originalName: (wire: string) => string;
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

const textEvent = 'assistantResponseEvent';

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

/** Some events carry their members under their own name. */
function within(payload: Payload, type: string): Payload {
  const inner = payload[type];
  return typeof inner === 'object' && inner !== null ? (inner as Payload) : payload;
}

export function createStreamDecoder(options: DecoderOptions): StreamDecoder {
  const ending = createReplyEnding(options);
  const tags = options.thinkingTags ? createThinkingTags() : null;
  const tools = createToolCalls({ originalName: options.originalName, onOutput: ending.output });
  const readContent = createContentReader();
  const contentJoiner = createTextJoiner();
  const reasoningJoiner = createTextJoiner();
  let signature = '';
  let lastContent = '';
  /** A content event equal to the one before it, held for one frame (see `codeReferenceEvent`). */
  let heldRepeat = '';
  let frames = 0;

  const text = (content: string): ModelEvent[] => {
    ending.output(content);
    return tags ? tags.push(content) : [{ type: 'text', text: content }];
  };

  /** What must be out before an event of another kind. */
  const settle = (): ModelEvent[] => {
    const events = heldRepeat === '' ? [] : text(heldRepeat);
    heldRepeat = '';
    if (signature !== '') events.push({ type: 'thinking_signature', signature });
    signature = '';
    return events;
  };
  /** The same, and the end of thinking in tags. */
  const settleAll = (): ModelEvent[] => [...settle(), ...(tags?.flush() ?? [])];

  const content = (payload: Payload, raw: boolean): ModelEvent[] => {
    if (typeof payload.content !== 'string') return [];
    const value = contentJoiner.join(payload.content, raw);
    const events = settle();
    if (value === '') return events;
    if (value === lastContent) heldRepeat = value;
    else events.push(...text(value));
    lastContent = value;
    return events;
  };

  const reasoning = (payload: Payload, raw: boolean): ModelEvent[] => {
    const events: ModelEvent[] = [];
    const { signature: piece, redactedContent } = payload;
    const value = typeof payload.text === 'string' ? reasoningJoiner.join(payload.text, raw) : '';
    if (value !== '') {
      ending.output(value);
      events.push(...settleAll(), { type: 'thinking', text: value });
    }
    // Signature deltas are joined: one that is not whole is refused when it is replayed (B11).
    if (typeof piece === 'string') signature += piece;
    if (typeof redactedContent === 'string' && redactedContent !== '') {
      events.push(...settle(), { type: 'redacted_thinking', data: redactedContent });
    }
    return events;
  };

  const noted =
    (note: (payload: Payload) => void) =>
    (payload: Payload): ModelEvent[] => {
      note(payload);
      return [];
    };

  const handlers: Readonly<Record<string, (payload: Payload, raw: boolean) => ModelEvent[]>> = {
    reasoningContentEvent: reasoning,
    toolUseEvent: (payload, raw) => [...settleAll(), ...tools.event(payload as ToolUsePayload, raw)],
    metadataEvent: noted(ending.metadata),
    contextUsageEvent: noted(ending.context),
    meteringEvent: noted(ending.metering),
    // The official client takes the content event right before this one for a repeat and drops it. Ours drops it
    // only when it does repeat its predecessor, because losing text is worse than showing some twice.
    codeReferenceEvent: noted(() => {
      heldRepeat = '';
    }),
    invalidStateEvent(payload) {
      throw refusalFailure(readRefusal(undefined, JSON.stringify(payload), {}, 0), options.secrets);
    },
  };

  const event = (type: string, payload: Payload, raw: boolean): ModelEvent[] => {
    if (type === textEvent) return content(within(payload, type), raw);
    const handler = Object.hasOwn(handlers, type) ? handlers[type] : undefined;
    if (handler) return handler(within(payload, type), raw);
    if (!silentEvents.has(type)) options.onOddity(`event ${type.slice(0, 60) || '(without a type)'}`);
    return settle();
  };

  return {
    frame(frame) {
      frames += 1;
      if ((frame.headers[':message-type'] ?? 'event') === 'event') {
        const type = frame.headers[':event-type'];
        const { payload, raw } = type === textEvent ? readContent(frame.payload) : readPayload(frame.payload);
        return event(type ?? guessType(payload), payload, raw);
      }
      const failure = readException(frame, options.secrets);
      if (failure !== 'over_length') throw failure;
      ending.overLength();
      return [];
    },
    end() {
      // Not one frame is an empty reply, which may be asked for once more; some without an end are a cut one.
      if (frames === 0) throw new UpstreamFailure({ kind: 'empty', message: 'The upstream sent an empty reply.', status: 200 });
      const events = settle();
      const half = contentJoiner.rest();
      if (half !== '') events.push(...text(half));
      events.push(...(tags?.flush() ?? []));
      if (ending.cut) throw new UpstreamFailure({ kind: 'protocol', message: 'The upstream ended the stream before the reply was whole.' });
      events.push(...tools.finish(ending.limited));
      events.push(...ending.events(tools.finished));
      return events;
    },
  };
}
