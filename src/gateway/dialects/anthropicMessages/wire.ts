/** Members that stream events and whole messages of the Anthropic API share. */
import type { StopReason, Usage } from '../../../upstreams/define.js';
import type { RenderContext } from '../define.js';
import type { UsageMark } from '../shared/tally.js';

export function messageId(context: RenderContext): string {
  return `msg_${context.requestId.replaceAll('-', '')}`;
}

/** Their words are ours, but for one. */
export function stopReason(reason: StopReason): string {
  return reason === 'context_window' ? 'model_context_window_exceeded' : reason;
}

/** `usage` with our mark; `input_tokens` leaves out what went through a cache, as Anthropic counts. */
export function messageUsage(usage: Usage, mark: UsageMark): unknown {
  return {
    input_tokens: Math.max(0, usage.inputTokens - usage.cacheReadTokens - usage.cacheWriteTokens),
    cache_creation_input_tokens: usage.cacheWriteTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
    output_tokens: usage.outputTokens,
    kirogate: mark,
  };
}
