/** The figures of one reply: the upstream's usage where it came, else our own estimate, and credits. */
import type { ModelEvent, Usage } from '../../../upstreams/define.js';
import type { RenderContext } from '../define.js';

/** Extension member in both APIs' `usage`, so that nobody takes an estimate for a bill. */
export interface UsageMark {
  readonly estimated: boolean;
  /** Metered credits of the upstream; null: not told. */
  readonly credits: number | null;
}

export interface Tally {
  event(event: ModelEvent): void;
  usage(): Usage;
  /** What of the output was thinking, always by its length. */
  thinkingTokens(): number;
  mark(): UsageMark;
}

const CHARS_PER_TOKEN = 4;

export function createTally(context: Pick<RenderContext, 'inputTokensEstimate'>): Tally {
  let told: Usage | null = null;
  let microCredits: number | null = null;
  let chars = 0;
  let thinkingChars = 0;
  return {
    event(event) {
      if (event.type === 'text' || event.type === 'thinking') chars += event.text.length;
      else if (event.type === 'tool_input') chars += event.json.length;
      else if (event.type === 'usage') told = event.usage;
      else if (event.type === 'metering') microCredits = (microCredits ?? 0) + event.microCredits;
      if (event.type === 'thinking') thinkingChars += event.text.length;
    },
    thinkingTokens: () => Math.ceil(thinkingChars / CHARS_PER_TOKEN),
    usage: () =>
      told ?? {
        inputTokens: context.inputTokensEstimate,
        outputTokens: Math.ceil(chars / CHARS_PER_TOKEN),
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        estimated: true,
      },
    mark: () => ({ estimated: told?.estimated ?? true, credits: microCredits === null ? null : microCredits / 1_000_000 }),
  };
}
