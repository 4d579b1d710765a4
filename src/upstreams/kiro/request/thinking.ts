/** How a client's wish to think is said to each family of models (kiro-protocol B11). */
import type { Effort, ModelRequest } from '../../define.js';
import { modelFacts, readModelName } from '../models.js';

export interface ThinkingPlan {
  /** `additionalModelRequestFields`, or undefined. */
  readonly fields: Readonly<Record<string, unknown>> | undefined;
  /** Goes in front of the current user text; '' for none. */
  readonly prefix: string;
  /** Will the reply think in `<thinking>` tags? */
  readonly tags: boolean;
  /** May reasoning of the history be sent back? Only models that sign theirs take it. */
  readonly replay: boolean;
}

const budgets: readonly (readonly [number, Effort])[] = [
  [4_000, 'low'],
  [16_000, 'medium'],
  [64_000, 'high'],
];
const tagLengths: Readonly<Record<Effort, number>> = { none: 0, low: 4_000, medium: 16_000, high: 32_000, xhigh: 64_000, max: 64_000 };

function budgetEffort(tokens: number): Effort {
  return budgets.find(([limit]) => tokens <= limit)?.[1] ?? 'xhigh';
}

/** The effort asked for: `none` when thinking was switched off, null when nothing was said. */
function wantedEffort(request: ModelRequest): Effort | null {
  const name = readModelName(request.model);
  const { thinking } = request;
  if (thinking) {
    if (!thinking.enabled) return 'none';
    return thinking.effort ?? (thinking.budgetTokens === null ? (name.effort ?? 'medium') : budgetEffort(thinking.budgetTokens));
  }
  return name.effort ?? (name.thinking ? 'medium' : null);
}

export function planThinking(request: ModelRequest, model: string): ThinkingPlan {
  const style = modelFacts(model).thinking;
  const effort = wantedEffort(request);
  const off: ThinkingPlan = { fields: undefined, prefix: '', tags: false, replay: style.kind === 'claude' || style.kind === 'gpt' };
  if (effort === null) return off;
  if (style.kind === 'gpt') return { ...off, fields: { reasoning: { effort } } };
  if (effort === 'none') return off;
  if (style.kind === 'claude') {
    const clamped = effort === 'xhigh' && !style.xhigh ? 'high' : effort;
    return { ...off, fields: { output_config: { effort: clamped }, ...(style.adaptive ? { thinking: { type: 'adaptive' } } : {}) } };
  }
  if (style.kind === 'none') return off;
  const length = request.thinking?.budgetTokens ?? tagLengths[effort];
  return { ...off, tags: true, prefix: `<thinking_mode>enabled</thinking_mode><max_thinking_length>${length}</max_thinking_length>\n` };
}
