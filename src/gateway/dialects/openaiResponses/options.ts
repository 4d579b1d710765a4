/** The top-level options of `POST /v1/responses`; input and tools are read by hand. */
import { z } from 'zod';
import type { JsonObject } from '../shared/guards.js';
import { invalid } from '../shared/path.js';
import { fromReasoningEffort, reasoningEffort, type Thinking } from '../shared/thinking.js';

const summary = z.enum(['auto', 'concise', 'detailed', 'none']).nullish();

export const responsesOptions = z.object({
  model: z.string().min(1).max(256),
  stream: z.boolean().nullish(),
  instructions: z.string().nullish(),
  max_output_tokens: z.number().int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  reasoning: z.object({ effort: reasoningEffort, summary, generate_summary: summary }).nullish(),
  text: z
    .object({ format: z.unknown(), verbosity: z.enum(['low', 'medium', 'high']).nullish() })
    .partial()
    .nullish(),
  include: z.array(z.string()).nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  store: z.boolean().nullish(),
  truncation: z.enum(['auto', 'disabled']).nullish(),
  service_tier: z.string().nullish(),
  max_tool_calls: z.number().int().min(1).nullish(),
  prompt_cache_key: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  user: z.string().nullish(),
});

export type ResponsesOptions = z.infer<typeof responsesOptions>;

const cannot = 'cannot be honoured by this gateway; leave it out';
const stateless = 'this gateway stores no responses; leave it out and send the whole conversation in input';

/** Options that lean on state we do not keep, or change the meaning in a way no upstream of ours can follow: each a 400 on its own name. */
export function refuseUnsupported(body: JsonObject, options: ResponsesOptions): void {
  const given = (name: string): boolean => body[name] !== undefined && body[name] !== null;
  for (const name of ['previous_response_id', 'conversation']) if (given(name)) throw invalid(name, stateless);
  if (given('background') && body.background !== false) throw invalid('background', `responses are not stored for later; ${cannot}`);
  if (given('prompt')) throw invalid('prompt', `stored prompts are not kept here; ${cannot}`);
  if (given('top_logprobs') && body.top_logprobs !== 0) throw invalid('top_logprobs', cannot);
  const logprobs = (options.include ?? []).indexOf('message.output_text.logprobs');
  if (logprobs >= 0) throw invalid(`include[${logprobs}]`, cannot);
  if (given('moderation')) throw invalid('moderation', cannot);
  const { context_management: edits } = body;
  if (given('context_management') && !(Array.isArray(edits) && edits.length === 0)) throw invalid('context_management', cannot);
}

/** Who asks for a summary alone wants the model to think, how much is its own choice. */
export function thinkingWish({ reasoning }: ResponsesOptions): Thinking {
  const wish = fromReasoningEffort(reasoning?.effort);
  if (wish !== null) return wish;
  const asked = reasoning?.summary ?? reasoning?.generate_summary ?? 'none';
  return asked === 'none' ? null : { enabled: true, effort: null, budgetTokens: null };
}

/** The request's parameters as the API repeats them in every response; what has no effect here says so. */
export function echoOf(body: JsonObject, options: ResponsesOptions): JsonObject {
  return {
    background: false,
    instructions: options.instructions ?? null,
    max_output_tokens: options.max_output_tokens ?? null,
    max_tool_calls: options.max_tool_calls ?? null,
    metadata: options.metadata ?? {},
    parallel_tool_calls: options.parallel_tool_calls ?? true,
    previous_response_id: null,
    prompt_cache_key: options.prompt_cache_key ?? null,
    reasoning: { effort: options.reasoning?.effort ?? null, summary: options.reasoning?.summary ?? null },
    safety_identifier: options.safety_identifier ?? null,
    service_tier: 'default',
    store: false,
    temperature: options.temperature ?? 1,
    text: { format: options.text?.format ?? { type: 'text' }, verbosity: options.text?.verbosity ?? 'medium' },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: 0,
    top_p: options.top_p ?? 1,
    truncation: 'disabled',
    user: options.user ?? null,
  };
}
