/** The top-level options of `POST /v1/chat/completions`: a small schema, so zod earns its cost; messages and tools are read by hand. */
import { z } from 'zod';
import { isObject, type JsonObject } from '../shared/guards.js';
import { MAX_STOP_CHARS } from '../shared/limits.js';
import { describe, invalid } from '../shared/path.js';
import { reasoningEffort } from '../shared/thinking.js';

/** OpenAI's own limit. */
const MAX_STOPS = 4;

const stop = z.string().max(MAX_STOP_CHARS);

export const chatOptions = z.object({
  model: z.string().min(1).max(256),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  seed: z.number().int().nullish(),
  stop: z.union([stop, z.array(stop).max(MAX_STOPS)], { error: stopProblem }).nullish(),
  n: z.number().int().min(1).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  reasoning_effort: reasoningEffort,
  user: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
});

export type ChatOptions = z.infer<typeof chatOptions>;

function stopProblem(): string {
  return `must be a string or at most ${MAX_STOPS} strings of at most ${MAX_STOP_CHARS} characters`;
}

const cannot = 'cannot be honoured by this gateway; leave it out';

/** Options that would change the meaning and that no upstream of ours can honour: each a 400 on its own name (pitfall 51). */
export function refuseUnsupported(body: JsonObject, options: ChatOptions): void {
  if (options.n !== undefined && options.n !== null && options.n > 1) throw invalid('n', `only 1 is possible, got ${options.n}`);
  const { logprobs, top_logprobs: top, audio, modalities, functions, function_call: call, web_search_options: search } = body;
  if (logprobs !== undefined && logprobs !== null && logprobs !== false) throw invalid('logprobs', cannot);
  if (top !== undefined && top !== null && top !== 0) throw invalid('top_logprobs', cannot);
  if (audio !== undefined && audio !== null) throw invalid('audio', `audio output ${cannot}`);
  if (modalities !== undefined && modalities !== null) {
    if (!Array.isArray(modalities)) throw invalid('modalities', `must be an array, got ${describe(modalities)}`);
    const index = modalities.findIndex((modality) => modality !== 'text');
    if (index >= 0) throw invalid(`modalities[${index}]`, 'only "text" is possible');
  }
  if (Array.isArray(functions) ? functions.length > 0 : isObject(functions))
    throw invalid('functions', 'is the API before tools; use tools');
  if (call !== undefined && call !== null && call !== 'none' && call !== 'auto')
    throw invalid('function_call', 'is the API before tools; use tool_choice');
  if (search !== undefined && search !== null) throw invalid('web_search_options', cannot);
}
