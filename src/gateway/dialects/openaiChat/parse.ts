/** `POST /v1/chat/completions` into the internal form. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ModelRequest } from '../../../upstreams/define.js';
import type { ParsedCall } from '../define.js';
import { conversationOf } from '../shared/conversation.js';
import { bodyObject, checked } from '../shared/guards.js';
import { readMessages } from '../shared/messages.js';
import { outputInstruction } from '../shared/outputFormat.js';
import { at } from '../shared/path.js';
import { fromReasoningEffort } from '../shared/thinking.js';
import { readToolChoice } from '../shared/toolChoice.js';
import { readTools } from '../shared/tools.js';
import { chatOptions, refuseUnsupported } from './options.js';

/** Throws AppError `invalid_request` with `param`. Unknown keys, and options that only tune, are ignored. */
export function parseChat(body: unknown, headers: IncomingHttpHeaders): ParsedCall {
  const source = bodyObject(body);
  const options = checked(chatOptions, source);
  refuseUnsupported(source, options);
  const { system, messages } = readMessages(source.messages);
  const format = outputInstruction(source.response_format, at(null, 'response_format'));
  const chosen = readToolChoice(source.tool_choice, readTools(source.tools), options.parallel_tool_calls ?? true);
  const request: ModelRequest = {
    model: options.model,
    system: format === null ? system : [...system, format],
    messages,
    ...chosen,
    maxTokens: options.max_completion_tokens ?? options.max_tokens ?? null,
    stop: (typeof options.stop === 'string' ? [options.stop] : (options.stop ?? [])).filter((text) => text !== ''),
    temperature: options.temperature ?? null,
    topP: options.top_p ?? null,
    thinking: fromReasoningEffort(options.reasoning_effort),
    conversation: conversationOf({ headers, cacheKey: options.prompt_cache_key, caller: options.user, system, messages }),
  };
  return { request, stream: options.stream ?? false, options: { includeUsage: options.stream_options?.include_usage ?? false } };
}
