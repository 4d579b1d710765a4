/** What a reply ends with: its usage, its credits and why it stopped (kiro-protocol B7, B8). */
import { type ModelEvent, type StopReason, UpstreamFailure, type Usage } from '../define.js';
import { tokenWeight } from '../tokens.js';
import type { Payload } from './payload.js';

export interface EndingOptions {
  /** The model's window in tokens, for usage from `contextUsagePercentage`. */
  readonly contextWindow: number;
  /** Used when the upstream says nothing of usage. */
  readonly estimateInput: () => number;
  readonly onOddity: (what: string) => void;
}

export interface ReplyEnding {
  /** Counts output, for the estimate. */
  output(text: string): void;
  metadata(payload: Payload): void;
  context(payload: Payload): void;
  metering(payload: Payload): void;
  /** The service said that the reply grew over its limit. */
  overLength(): void;
  /** Neither metadata nor context usage came: the mark of a cut stream. */
  readonly cut: boolean;
  /** An output or window limit ended the reply. */
  readonly limited: boolean;
  /** Usage, metering and stop, in this order. Throws UpstreamFailure `protocol` for output that the service could not read. */
  events(finishedTools: number): ModelEvent[];
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

const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0);

export function createReplyEnding(options: EndingOptions): ReplyEnding {
  let outputWeight = 0;
  let stopReason: string | null = null;
  let sawMetadata = false;
  let contextPercent: number | null = null;
  let metered: Usage | null = null;
  let credits: number | null = null;
  let overLength = false;

  const usage = (): Usage => {
    if (metered) return metered;
    const outputTokens = Math.ceil(outputWeight);
    // The percentage covers the whole window in use; adding the output on top would count it twice (B8).
    const total = contextPercent ? Math.round((contextPercent / 100) * options.contextWindow) : 0;
    const inputTokens = total > outputTokens ? total - outputTokens : options.estimateInput();
    return { inputTokens, outputTokens, cacheReadTokens: 0, cacheWriteTokens: 0, estimated: true };
  };

  const reason = (finishedTools: number): StopReason => {
    const mapped = stopReason === null ? 'end_turn' : Object.hasOwn(stopReasons, stopReason) ? stopReasons[stopReason] : undefined;
    if (mapped === undefined) options.onOddity(`stop reason ${stopReason?.slice(0, 40)}`);
    if (mapped === 'malformed') {
      const message = 'The model produced output that the upstream could not read.';
      throw new UpstreamFailure({ kind: 'protocol', message, reason: stopReason ?? '' });
    }
    const said = overLength ? 'max_tokens' : (mapped ?? 'end_turn');
    return said === 'end_turn' && finishedTools > 0 ? 'tool_use' : said;
  };

  return {
    output(text) {
      outputWeight += tokenWeight(text);
    },
    metadata(payload) {
      sawMetadata = true;
      if (typeof payload.stopReason === 'string') stopReason = payload.stopReason.toUpperCase();
      metered = readTokenUsage(payload.tokenUsage) ?? metered;
    },
    context(payload) {
      contextPercent = number(payload.contextUsagePercentage);
    },
    metering(payload) {
      credits = (credits ?? 0) + number(payload.usage);
    },
    overLength() {
      overLength = true;
    },
    get cut() {
      return !sawMetadata && contextPercent === null && !overLength;
    },
    get limited() {
      return overLength || stopReason === 'MAX_TOKENS' || stopReason === 'MODEL_CONTEXT_WINDOW_EXCEEDED';
    },
    events(finishedTools) {
      const stop: ModelEvent = { type: 'stop', reason: reason(finishedTools), sequence: null };
      const metering: ModelEvent[] = credits === null ? [] : [{ type: 'metering', microCredits: Math.round(credits * 1_000_000) }];
      return [{ type: 'usage', usage: usage() }, ...metering, stop];
    },
  };
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
