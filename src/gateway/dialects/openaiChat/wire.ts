/** Members that chunks and whole replies of chat completions share. */
import { assertNever } from '../../../shared/assertNever.js';
import type { StopReason } from '../../../upstreams/define.js';
import type { RenderContext } from '../define.js';
import type { Tally } from '../shared/tally.js';

export function completionId(context: RenderContext): string {
  return `chatcmpl-${context.requestId}`;
}

export function finishReason(reason: StopReason): string {
  switch (reason) {
    case 'end_turn':
    case 'stop_sequence':
      return 'stop';
    case 'tool_use':
      return 'tool_calls';
    case 'max_tokens':
    case 'context_window':
      return 'length';
    case 'refusal':
      return 'content_filter';
    default:
      return assertNever(reason, 'stop reason');
  }
}

/** `usage` with our mark; `prompt_tokens` includes what came from a cache, as OpenAI counts. */
export function chatUsage(tally: Tally): unknown {
  const usage = tally.usage();
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cacheReadTokens },
    kirogate: tally.mark(),
  };
}
