/** Kiro's models: the static list that stands until ListAvailableModels is read, and the way from a client's name to an upstream id. */
import type { Effort, ModelInfo } from '../define.js';
import { boundedMap } from './boundedMap.js';

/** How a model is made to think (kiro-protocol B11). */
export type ThinkingStyle =
  /** `additionalModelRequestFields.output_config.effort`; `adaptive` also wants `thinking`; without `xhigh` it is clamped. */
  | { readonly kind: 'claude'; readonly xhigh: boolean; readonly adaptive: boolean }
  /** `additionalModelRequestFields.reasoning.effort` */
  | { readonly kind: 'gpt' }
  /** Tags in the prompt, `<thinking>` in the reply. */
  | { readonly kind: 'tags' }
  | { readonly kind: 'none' };

export interface KiroModel extends ModelInfo {
  readonly thinking: ThinkingStyle;
  /** Longest tool description the model's route was seen to take, in UTF-16 units (B10). */
  readonly descriptionLimit: number;
  /** Refused without a profile ARN, also for accounts that own none (B4). */
  readonly needsProfile: boolean;
}

const million = 1_000_000;
const claudeNew: ThinkingStyle = { kind: 'claude', xhigh: true, adaptive: false };
const tags: ThinkingStyle = { kind: 'tags' };
const none: ThinkingStyle = { kind: 'none' };

type Row = readonly [
  id: string,
  displayName: string,
  contextWindow: number,
  maxOutput: number | null,
  created: string,
  thinking: ThinkingStyle,
];

/** Ids and windows: kiro-protocol B6. Dates are when the model was announced; they only sort lists. */
const rows: readonly Row[] = [
  ['claude-opus-5', 'Claude Opus 5', million, 64_000, '2026-09-01', claudeNew],
  ['claude-sonnet-5', 'Claude Sonnet 5', million, 64_000, '2026-08-01', claudeNew],
  ['claude-opus-4.8', 'Claude Opus 4.8', million, 64_000, '2026-06-01', claudeNew],
  ['claude-opus-4.7', 'Claude Opus 4.7', million, 64_000, '2026-04-01', claudeNew],
  ['claude-opus-4.6', 'Claude Opus 4.6', million, 64_000, '2026-02-01', { kind: 'claude', xhigh: false, adaptive: true }],
  ['claude-opus-4.5', 'Claude Opus 4.5', 200_000, 64_000, '2025-11-24', tags],
  ['claude-sonnet-4.6', 'Claude Sonnet 4.6', 200_000, 64_000, '2026-02-15', { kind: 'claude', xhigh: false, adaptive: false }],
  ['claude-sonnet-4.6-1m', 'Claude Sonnet 4.6 (1M)', million, 64_000, '2026-02-15', { kind: 'claude', xhigh: false, adaptive: false }],
  ['claude-sonnet-4.5', 'Claude Sonnet 4.5', 200_000, 64_000, '2025-09-29', tags],
  ['claude-sonnet-4.5-1m', 'Claude Sonnet 4.5 (1M)', million, 64_000, '2025-09-29', tags],
  ['claude-sonnet-4', 'Claude Sonnet 4', 200_000, 64_000, '2025-05-14', tags],
  ['claude-haiku-4.5', 'Claude Haiku 4.5', 200_000, 64_000, '2025-10-01', tags],
  ['gpt-5.6-sol', 'GPT-5.6 Sol', 272_000, 128_000, '2026-08-15', { kind: 'gpt' }],
  ['gpt-5.6-terra', 'GPT-5.6 Terra', 272_000, 128_000, '2026-08-15', { kind: 'gpt' }],
  ['gpt-5.6-luna', 'GPT-5.6 Luna', 272_000, 128_000, '2026-08-15', { kind: 'gpt' }],
  ['deepseek-3.2', 'DeepSeek 3.2', 128_000, null, '2025-12-01', none],
  ['minimax-m2.5', 'MiniMax M2.5', 200_000, null, '2026-02-01', none],
  ['minimax-m2.1', 'MiniMax M2.1', 200_000, null, '2025-12-20', none],
  ['glm-5', 'GLM 5', 200_000, null, '2026-02-10', none],
  ['qwen3-coder-next', 'Qwen3 Coder Next', 256_000, null, '2026-02-03', none],
];

function aliasesOf(id: string, contextWindow: number): readonly string[] {
  // Claude Code's picker drops ids that do not start with `claude`, and reads the 1M window only from a name ending in `[1m]`.
  if (id.startsWith('gpt-')) return [`claude-${id}`];
  if (id.endsWith('-1m')) return [`${id.slice(0, -3)}[1m]`];
  return id.startsWith('claude-') && contextWindow >= million ? [`${id}[1m]`] : [];
}

export const kiroModels: readonly KiroModel[] = rows.map(([id, displayName, contextWindow, maxOutputTokens, created, thinking]) => ({
  id,
  displayName,
  contextWindow,
  maxOutputTokens,
  createdAt: Date.parse(created),
  aliases: aliasesOf(id, contextWindow),
  thinking,
  descriptionLimit: id.startsWith('claude-') ? 10_000 : 9_216,
  needsProfile: id === 'claude-opus-5' || id === 'claude-sonnet-5',
}));

const byId = new Map(kiroModels.map((model) => [model.id, model]));

/** Names of the first KiroGate that no rule below reaches; they keep working (B6). */
const oldNames: Readonly<Record<string, string>> = {
  auto: 'claude-sonnet-4.5',
  'claude-3.7-sonnet': 'CLAUDE_3_7_SONNET_20250219_V1_0',
  'claude-sonnet-3.7': 'CLAUDE_3_7_SONNET_20250219_V1_0',
  'claude-sonnet-4.0': 'claude-sonnet-4',
};

const wellFormed = /^[a-z0-9](?:[a-z0-9._:/-]{0,98}[a-z0-9])?(?:\[1m\])?$/;
const effortSuffix = /-(none|low|medium|high|xhigh|max)$/;
/** One thing hung on a name; stripped one by one, because they come in any order. */
const suffix = /(?:\[1m\]|-1m|-thinking|-(?:none|low|medium|high|xhigh|max)|-20\d{6}|-latest|-v\d+:\d+)$/;

export interface NameParts {
  /** The bare model name, lower case, dotted version. */
  readonly base: string;
  readonly oneMillion: boolean;
  readonly thinking: boolean;
  readonly effort: Effort | null;
}

/** Takes apart what clients hang on to a model name: vendor, date, `-latest`, `[1m]`, `-thinking`, effort. */
export function readModelName(name: string): NameParts {
  let base = name
    .trim()
    .toLowerCase()
    .replace(/^(?:anthropic|kiro|openai)\//, '');
  if (base.startsWith('claude-gpt-')) base = base.slice('claude-'.length);
  // Internal ids such as CLAUDE_SONNET_4_5_20250929_V1_0 are accepted as names too.
  if (/^claude_[a-z0-9_]+_v1_0$/.test(base)) base = base.replace(/_v1_0$/, '').replaceAll('_', '-');
  let oneMillion = false;
  let thinking = false;
  let effort: Effort | null = null;
  for (let before = ''; before !== base; ) {
    before = base;
    if (/\[1m\]$|-1m$/.test(base)) oneMillion = true;
    else if (base.endsWith('-thinking')) thinking = true;
    else effort = (effortSuffix.exec(base)?.[1] as Effort | undefined) ?? effort;
    base = base.replace(suffix, '');
  }
  if (base.startsWith('claude-')) {
    base = base.replace(/(\d)-(\d)(?=-|$)/, '$1.$2').replace(/^claude-(\d+(?:\.\d+)?)-(opus|sonnet|haiku)$/, 'claude-$2-$1');
  } else {
    base = base.replace(/^(gpt-\d|deepseek-\d|minimax-m\d)-(\d)/, '$1.$2');
  }
  return { base, oneMillion, thinking, effort };
}

/**
 * The upstream's id for a client's model name; null when it is not well-formed. A name this list does not
 * know is passed on as the client wrote it (lower case, without vendor), because the upstream knows more than we do.
 */
export function resolveKiroModel(name: string): { readonly id: string; readonly known: boolean; readonly contextWindow: number } | null {
  const clean = name.trim().toLowerCase();
  if (!wellFormed.test(clean) && !/^claude_[a-z0-9_]+$/.test(clean)) return null;
  const { base, oneMillion } = readModelName(name);
  // A client's text: `constructor` must not find what every object has.
  const old = Object.hasOwn(oldNames, base) ? oldNames[base] : undefined;
  const id = old ?? (oneMillion && byId.has(`${base}-1m`) ? `${base}-1m` : base);
  const model = byId.get(id);
  if (model) return { id, known: true, contextWindow: model.contextWindow };
  if (old) return { id, known: true, contextWindow: 200_000 };
  const asWritten = base.startsWith('claude-') ? base : clean.replace(/^(?:anthropic|kiro|openai)\//, '').replace(/\[1m\]$/, '');
  return asWritten === '' ? null : { id: asWritten, known: false, contextWindow: oneMillion ? million : 200_000 };
}

const rememberedNames = 500;

/** `resolveKiroModel` that takes each name apart once: a request asks three times. */
export function createModelResolver(): typeof resolveKiroModel {
  const known = boundedMap<{ readonly model: ReturnType<typeof resolveKiroModel> }>(rememberedNames);
  return (name) => {
    const found = known.get(name);
    if (found) return found.model;
    const model = resolveKiroModel(name);
    // Names are the clients': long ones are not worth the room.
    if (name.length <= 256) known.set(name, { model });
    return model;
  };
}

/** What we know of an upstream id; an unknown one gets its family's habits. */
export function modelFacts(id: string): Pick<KiroModel, 'thinking' | 'descriptionLimit' | 'contextWindow' | 'needsProfile'> {
  const known = byId.get(id);
  if (known) return known;
  if (id.startsWith('gpt-')) return { thinking: { kind: 'gpt' }, descriptionLimit: 9_216, contextWindow: 272_000, needsProfile: false };
  if (id.startsWith('CLAUDE_')) return { thinking: tags, descriptionLimit: 10_000, contextWindow: 200_000, needsProfile: false };
  return { thinking: none, descriptionLimit: id.startsWith('claude') ? 10_000 : 9_216, contextWindow: 200_000, needsProfile: false };
}
