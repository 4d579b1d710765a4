/** Members that stream events and whole responses share: the response object, its status and its usage. */
import type { StopReason } from '../../../upstreams/define.js';
import type { RenderContext } from '../define.js';
import type { Tally } from '../shared/tally.js';
import { replyOptions } from './reply.js';
import type { OutputItem } from './writer.js';

export interface ResponseState {
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  readonly output: readonly OutputItem[];
  readonly error: { readonly code: string; readonly message: string } | null;
  /** null: not known yet. */
  readonly usage: unknown;
  readonly incompleteReason: string | null;
}

export function responseId(context: RenderContext): string {
  return `resp_${bareId(context)}`;
}

/** The request id without dashes; items are told apart by what stands around it. */
export function bareId(context: RenderContext): string {
  return context.requestId.replaceAll('-', '');
}

/** Why a reply is not whole, in the API's words; null: it is. */
export function incompleteReason(reason: StopReason): string | null {
  if (reason === 'max_tokens' || reason === 'context_window') return 'max_output_tokens';
  return reason === 'refusal' ? 'content_filter' : null;
}

export function responseObject(context: RenderContext, state: ResponseState): unknown {
  return {
    id: responseId(context),
    object: 'response',
    created_at: context.createdAt,
    status: state.status,
    error: state.error,
    incomplete_details: state.incompleteReason === null ? null : { reason: state.incompleteReason },
    model: context.model,
    output: state.output,
    ...replyOptions(context).echo,
    usage: state.usage,
  };
}

/** A response that ended by itself. */
export function endedResponse(context: RenderContext, output: readonly OutputItem[], reason: StopReason, tally: Tally): unknown {
  const cut = incompleteReason(reason);
  const status = cut === null ? 'completed' : 'incomplete';
  return responseObject(context, { status, output, error: null, usage: responseUsage(tally), incompleteReason: cut });
}

/** `usage` with our mark; `input_tokens` includes what went through a cache, as OpenAI counts. Thinking is counted by its length. */
function responseUsage(tally: Tally): unknown {
  const usage = tally.usage();
  return {
    input_tokens: usage.inputTokens,
    input_tokens_details: { cached_tokens: usage.cacheReadTokens, cache_write_tokens: usage.cacheWriteTokens },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: Math.min(tally.thinkingTokens(), usage.outputTokens) },
    total_tokens: usage.inputTokens + usage.outputTokens,
    kirogate: tally.mark(),
  };
}
