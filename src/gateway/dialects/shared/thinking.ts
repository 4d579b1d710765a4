/** How much the client wants the model to think, in the words of both APIs (kiro-protocol B11). */
import { z } from 'zod';
import type { Effort, ModelRequest } from '../../../upstreams/define.js';

export type Thinking = ModelRequest['thinking'];

/** OpenAI `reasoning_effort`. */
export const reasoningEffort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']).nullish();

/** Anthropic `output_config.effort`. */
export const outputEffort = z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullish();

/** Anthropic `thinking`. Unknown members such as `display` are ignored. */
export const thinkingConfig = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('enabled'), budget_tokens: z.number().int().min(1_024).nullish() }),
    z.object({ type: z.literal('adaptive'), budget_tokens: z.unknown().optional() }),
    z.object({ type: z.literal('between_tools'), budget_tokens: z.unknown().optional() }),
    z.object({ type: z.literal('disabled'), budget_tokens: z.unknown().optional() }),
  ])
  .nullish();

export function fromReasoningEffort(word: z.infer<typeof reasoningEffort>): Thinking {
  if (word === undefined || word === null) return null;
  const effort: Effort = word === 'minimal' ? 'low' : word;
  return { enabled: effort !== 'none', effort, budgetTokens: null };
}

/** Effort without `thinking` is a wish for thinking: the models that take an effort think by default, and it steers how much. */
export function fromThinkingConfig(config: z.infer<typeof thinkingConfig>, effort: z.infer<typeof outputEffort>): Thinking {
  if (!config) return effort ? { enabled: true, effort, budgetTokens: null } : null;
  const budget = config.type === 'enabled' ? (config.budget_tokens ?? null) : null;
  return { enabled: config.type !== 'disabled', effort: effort ?? null, budgetTokens: budget };
}
