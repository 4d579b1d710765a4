/** The rules of one reply, event by event and without I/O. */
import type { ModelEvent, StopReason } from '../../upstreams/define.js';
import { tokenWeight } from '../../upstreams/tokens.js';
import { createStopMatcher, type StopMatcher } from './stopMatcher.js';

export interface OutputRules {
  /** Without empty strings. */
  readonly stop: readonly string[];
  /** By estimate; thinking and tool input count, as in both APIs. null: no limit of ours. */
  readonly maxTokens: number | null;
  /** Tool calls after the first are left out. */
  readonly singleTool?: boolean;
  /**
   * Input tokens by estimate, asked only when we end the reply: the upstream then never says what it used, and
   * an estimated `usage` event takes its place. Without it none is added.
   */
  readonly inputTokens?: () => number;
}

export interface OutputGate {
  /** True: the event goes on as it is. False: what goes on instead was queued. */
  passes(event: ModelEvent): boolean;
  /** Queues text that was held back. */
  flush(): void;
  /** A rule ended the reply; `stop` was queued. */
  readonly ended: boolean;
}

/** What a rule changes goes into `queue`, in order; the caller empties it before the next event. */
export function createOutputGate(rules: OutputRules, queue: ModelEvent[]): OutputGate {
  const matcher: StopMatcher | null = rules.stop.length === 0 ? null : createStopMatcher(rules.stop);
  const metered = matcher !== null || rules.maxTokens !== null;
  const limit = rules.maxTokens ?? Number.POSITIVE_INFINITY;
  let weight = 0;
  let firstTool: string | null = null;
  let toolFinished = false;
  let ended = false;

  function end(reason: StopReason, sequence: string | null): void {
    ended = true;
    if (rules.inputTokens) {
      const outputTokens = Math.min(Math.ceil(weight), limit);
      queue.push({
        type: 'usage',
        usage: { inputTokens: rules.inputTokens(), outputTokens, cacheReadTokens: 0, cacheWriteTokens: 0, estimated: true },
      });
    }
    queue.push({ type: 'stop', reason, sequence });
  }

  /** Counts a piece of output. Its length when it fits, else how much of it does. */
  function room(piece: string): number {
    if (!metered) return piece.length;
    const added = tokenWeight(piece);
    if (weight + added <= limit) {
      weight += added;
      return piece.length;
    }
    const fits = fittingPrefix(piece, limit - weight);
    weight = limit;
    return fits;
  }

  /** Lets output go on within max_tokens, and ends the reply where it does not fit. True: goes on as it is. */
  function put(event: ModelEvent, piece: string, cut: (fitting: string) => ModelEvent): boolean {
    const fits = room(piece);
    if (fits === piece.length) return pass(event);
    if (fits > 0) queue.push(cut(piece.slice(0, fits)));
    end('max_tokens', null);
    return false;
  }

  const asText = (text: string): ModelEvent => ({ type: 'text', text });

  function text(event: ModelEvent & { type: 'text' }): boolean {
    if (matcher === null) return put(event, event.text, asText);
    const free = matcher.push(event.text);
    if (matcher.matched === null && free === event.text) return put(event, free, asText);
    if (free !== '') release(free);
    if (matcher.matched !== null && !ended) end('stop_sequence', matcher.matched);
    return false;
  }

  /** Queues text that differs from what came. */
  function release(free: string): void {
    const event = asText(free);
    if (put(event, free, asText)) queue.push(event);
  }

  /** Held text goes before whatever is not text. */
  function flush(): void {
    const held = matcher?.flush() ?? '';
    if (held !== '') release(held);
  }

  function pass(event: ModelEvent): boolean {
    if (queue.length === 0) return true;
    queue.push(event);
    return false;
  }

  /** Another tool than the first, where only one is wanted. */
  const superfluous = (id: string): boolean => rules.singleTool === true && firstTool !== null && id !== firstTool;

  return {
    get ended() {
      return ended;
    },
    flush,
    passes(event) {
      if (event.type === 'text') return text(event);
      if (event.type === 'usage' || event.type === 'metering') return pass(event);
      flush();
      if (ended) return false;
      switch (event.type) {
        case 'thinking':
          return put(event, event.text, (fitting) => ({ type: 'thinking', text: fitting }));
        case 'tool_start':
          if (superfluous(event.id)) return false;
          firstTool ??= event.id;
          return pass(event);
        case 'tool_input':
          if (superfluous(event.id)) return false;
          return put(event, event.json, (fitting) => ({ type: 'tool_input', id: event.id, json: fitting }));
        case 'tool_end':
          if (superfluous(event.id)) return false;
          toolFinished = true;
          return pass(event);
        case 'stop': {
          const reason = rightReason(event.reason, toolFinished);
          if (reason === event.reason) return pass(event);
          queue.push({ ...event, reason });
          return false;
        }
        default:
          return pass(event);
      }
    },
  };
}

/** A finished call is a call, whatever the upstream says, and without one nobody must wait for a result (pitfall 43). */
function rightReason(reason: StopReason, toolFinished: boolean): StopReason {
  if (toolFinished && reason === 'end_turn') return 'tool_use';
  if (!toolFinished && reason === 'tool_use') return 'end_turn';
  return reason;
}

/** Length of the longest prefix that weighs at most `weight` and splits no surrogate pair. */
function fittingPrefix(text: string, weight: number): number {
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (tokenWeight(text.slice(0, middle)) <= weight) low = middle;
    else high = middle - 1;
  }
  const last = low > 0 && low < text.length ? text.charCodeAt(low - 1) : 0;
  return last >= 0xd800 && last <= 0xdbff ? low - 1 : low;
}
