/** `POST /v1/messages` and `/v1/messages/count_tokens` into the internal form. */
import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import type { ModelRequest } from '../../../upstreams/define.js';
import type { ParsedCall } from '../define.js';
import { conversationOf } from '../shared/conversation.js';
import { bodyObject, checked, isObject, type JsonObject } from '../shared/guards.js';
import { readMessages, readSystem } from '../shared/messages.js';
import { outputInstruction } from '../shared/outputFormat.js';
import { at } from '../shared/path.js';
import { fromThinkingConfig } from '../shared/thinking.js';
import { readToolChoice } from '../shared/toolChoice.js';
import { readTools } from '../shared/tools.js';
import { countOptions, messagesOptions } from './options.js';

/** Throws AppError `invalid_request` with `param`. Unknown keys, and options that only tune, are ignored. */
export function parseMessages(body: unknown, headers: IncomingHttpHeaders): ParsedCall {
  const source = bodyObject(body);
  const options = checked(messagesOptions, source);
  const request: ModelRequest = {
    ...prompt(source, options, headers),
    maxTokens: options.max_tokens,
    stop: (options.stop_sequences ?? []).filter((text) => text !== ''),
    temperature: options.temperature ?? null,
    topP: options.top_p ?? null,
  };
  return { request, stream: options.stream ?? false, options: {} };
}

/** The body of `count_tokens`: as for messages, without what concerns the reply. Throws AppError `invalid_request` with `param`. */
export function parseCountTokens(body: unknown, headers: IncomingHttpHeaders): ModelRequest {
  const source = bodyObject(body);
  return { ...prompt(source, checked(countOptions, source), headers), maxTokens: null, stop: [], temperature: null, topP: null };
}

type Prompt = Omit<ModelRequest, 'maxTokens' | 'stop' | 'temperature' | 'topP'>;

function prompt(source: JsonObject, options: z.infer<typeof countOptions>, headers: IncomingHttpHeaders): Prompt {
  const { system, messages } = readMessages(source.messages, readSystem(source.system, at(null, 'system')));
  const format = wantedFormat(source);
  return {
    model: options.model,
    system: format === null ? system : [...system, format],
    messages,
    ...readToolChoice(source.tool_choice, readTools(source.tools)),
    thinking: fromThinkingConfig(options.thinking, options.output_config?.effort),
    conversation: conversationOf({ headers, userId: options.metadata?.user_id, system, messages }),
  };
}

/** `output_config.format`, or `output_format` as the beta spelled it. */
function wantedFormat(source: JsonObject): ReturnType<typeof outputInstruction> {
  const config = source.output_config;
  const format = isObject(config) ? config.format : undefined;
  if (format !== undefined && format !== null) return outputInstruction(format, at(at(null, 'output_config'), 'format'));
  return outputInstruction(source.output_format, at(null, 'output_format'));
}
