/** The models the simulated service offers (kiro-protocol B6), with what each one accepts (B8, B11). */

export type ModelFamily = 'claude' | 'gpt' | 'other';

export interface SimModel {
  readonly id: string;
  readonly family: ModelFamily;
  readonly maxInputTokens: number;
  readonly maxOutputTokens: number;
  readonly rateMultiplier: number;
  /** Efforts its native thinking field takes; empty: it has no such field. */
  readonly efforts: readonly string[];
  readonly images: boolean;
  readonly promptCache: boolean;
  /** Plans without it answer INVALID_MODEL_ID. */
  readonly paidOnly: boolean;
  /** Demands a profile ARN even where the host otherwise does not (B4). */
  readonly needsProfile: boolean;
}

const K = 1_000;
const M = 1_000_000;
const fullClaude = ['low', 'medium', 'high', 'xhigh', 'max'];
const claude46 = ['low', 'medium', 'high', 'max'];
const gptEfforts = ['none', 'low', 'medium', 'high', 'xhigh', 'max'];

const claude = (id: string, maxInputTokens: number, rateMultiplier: number, efforts: readonly string[] = []): SimModel => ({
  id,
  family: 'claude',
  maxInputTokens,
  maxOutputTokens: 64 * K,
  rateMultiplier,
  efforts,
  images: true,
  promptCache: true,
  paidOnly: id.includes('opus'),
  needsProfile: id === 'claude-opus-5' || id === 'claude-sonnet-5',
});
const gpt = (id: string): SimModel => ({
  ...claude(id, 272 * K, 1.3, gptEfforts),
  family: 'gpt',
  maxOutputTokens: 128 * K,
  promptCache: false,
  paidOnly: true,
});
const other = (id: string, maxInputTokens: number, rateMultiplier: number): SimModel => ({
  ...claude(id, maxInputTokens, rateMultiplier),
  family: 'other',
  images: false,
  promptCache: false,
});

export const models: readonly SimModel[] = [
  claude('auto', 200 * K, 1),
  claude('claude-opus-5', M, 2.4, fullClaude),
  claude('claude-sonnet-5', M, 1.3, fullClaude),
  claude('claude-opus-4.8', M, 2.2, fullClaude),
  claude('claude-opus-4.7', M, 2.2, fullClaude),
  claude('claude-opus-4.6', M, 2.2, claude46),
  claude('claude-opus-4.5', 200 * K, 2.2),
  claude('claude-sonnet-4.6', 200 * K, 1.3, claude46),
  claude('claude-sonnet-4.6-1m', M, 1.5, claude46),
  claude('claude-sonnet-4.5', 200 * K, 1.3),
  claude('claude-sonnet-4.5-1m', M, 1.5),
  claude('claude-sonnet-4', 200 * K, 1.3),
  claude('claude-haiku-4.5', 200 * K, 0.4),
  gpt('gpt-5.6-sol'),
  gpt('gpt-5.6-terra'),
  gpt('gpt-5.6-luna'),
  other('deepseek-3.2', 128 * K, 0.25),
  other('minimax-m2.5', 200 * K, 0.15),
  other('minimax-m2.1', 200 * K, 0.15),
  other('glm-5', 200 * K, 0.5),
  other('qwen3-coder-next', 256 * K, 0.05),
];

/** Internal names that older clients still send, and the listed model each stands for. */
const olderNames: Readonly<Record<string, string>> = {
  CLAUDE_SONNET_4_5_20250929_V1_0: 'claude-sonnet-4.5',
  CLAUDE_SONNET_4_20250514_V1_0: 'claude-sonnet-4',
  CLAUDE_3_7_SONNET_20250219_V1_0: 'claude-sonnet-4',
};

const byId = new Map(models.map((model) => [model.id, model]));

/** The model behind a wire id, or undefined when the service does not know it. */
export function findModel(id: string): SimModel | undefined {
  return byId.get(olderNames[id] ?? id);
}
