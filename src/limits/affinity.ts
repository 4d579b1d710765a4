/** Which token a conversation went to last, for the upstream's prompt cache. Namespaced by key, bounded, forgotten after an hour. */
import { createGenerations } from './generations.js';

const KEPT = 100_000;
/** An upstream's prompt cache is cold long before. */
const FORGET_AFTER_MS = 3_600_000;
/** A token that is free again within this keeps its conversations: one call elsewhere must not move them. */
export const STAY_MS = 61_000;

export interface Affinity {
  tokenOf(keyId: string, conversation: string, now: number): string | undefined;
  bind(keyId: string, conversation: string, tokenId: string, now: number): void;
}

export function createAffinity(): Affinity {
  const bound = createGenerations<string>({ maxEntries: KEPT, maxAgeMs: FORGET_AFTER_MS });
  const nameOf = (keyId: string, conversation: string): string => `${keyId}\n${conversation}`;
  return {
    tokenOf: (keyId, conversation, now) => bound.get(nameOf(keyId, conversation), now),
    bind: (keyId, conversation, tokenId, now) => bound.put(nameOf(keyId, conversation), tokenId, now),
  };
}
