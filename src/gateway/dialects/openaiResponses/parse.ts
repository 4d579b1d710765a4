/** `POST /v1/responses` into the internal form. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ModelRequest } from '../../../upstreams/define.js';
import type { ParsedCall } from '../define.js';
import { conversationOf } from '../shared/conversation.js';
import { bodyObject, checked, isObject, type JsonObject } from '../shared/guards.js';
import { assertDepth } from '../shared/json.js';
import { outputInstruction } from '../shared/outputFormat.js';
import { at } from '../shared/path.js';
import { readToolChoice } from '../shared/toolChoice.js';
import { readInput } from './input.js';
import { flatName } from './names.js';
import { echoOf, refuseUnsupported, responsesOptions, thinkingWish } from './options.js';
import type { ReplyOptions } from './reply.js';
import { readResponseTools } from './tools.js';

/** Throws AppError `invalid_request` with `param`. Unknown keys, and options that only tune, are ignored. */
export function parseResponses(body: unknown, headers: IncomingHttpHeaders): ParsedCall {
  const source = bodyObject(body);
  const options = checked(responsesOptions, source);
  refuseUnsupported(source, options);
  const input = readInput(source.input, options.instructions ?? null);
  const format = outputInstruction(options.text?.format, at(at(null, 'text'), 'format'));
  const tools = readResponseTools([{ value: source.tools, path: at(null, 'tools') }, ...input.tools]);
  const { system, messages } = input;
  const request: ModelRequest = {
    model: options.model,
    system: format === null ? system : [...system, format],
    messages,
    ...readToolChoice(choiceOf(source.tool_choice), tools.list, options.parallel_tool_calls ?? true),
    maxTokens: options.max_output_tokens ?? null,
    stop: [],
    temperature: options.temperature ?? null,
    topP: options.top_p ?? null,
    thinking: thinkingWish(options),
    conversation: conversationOf({
      headers,
      cacheKey: options.prompt_cache_key,
      caller: options.user ?? options.safety_identifier,
      system,
      messages,
    }),
  };
  const reply: ReplyOptions = {
    echo: echoOf(source, options),
    forms: tools.forms,
    sealed: options.include?.includes('reasoning.encrypted_content') ?? false,
  };
  assertEchoes(reply.echo);
  return { request, stream: options.stream ?? false, options: { ...reply } };
}

/** A tool of a namespace is chosen by both names; inside it has one. */
function choiceOf(choice: unknown): unknown {
  if (!isObject(choice) || typeof choice.namespace !== 'string' || typeof choice.name !== 'string') return choice;
  return { ...choice, name: flatName(choice.namespace, choice.name) };
}

/** What is repeated must be writable: nobody read all of it. */
function assertEchoes(echo: JsonObject): void {
  for (const name of ['tools', 'tool_choice', 'text']) assertDepth(echo[name], at(null, name));
}
