/** Which token a conversation went to last, for the upstream's prompt cache. Bounded; the least recently used go first. */

const KEPT = 50_000;
/** An upstream's prompt cache is cold long before. */
const FORGET_AFTER_MS = 3_600_000;
/** A token that is free again within this keeps its conversations: one call elsewhere must not move them. */
export const STAY_MS = 61_000;

export interface Affinity {
  tokenOf(keyId: string, conversation: string, now: number): string | undefined;
  bind(keyId: string, conversation: string, tokenId: string, now: number): void;
}

export function createAffinity(): Affinity {
  const bound = new Map<string, { tokenId: string; at: number }>();
  const nameOf = (keyId: string, conversation: string): string => `${keyId}\n${conversation}`;
  return {
    tokenOf(keyId, conversation, now) {
      const found = bound.get(nameOf(keyId, conversation));
      return found !== undefined && found.at + FORGET_AFTER_MS > now ? found.tokenId : undefined;
    },
    bind(keyId, conversation, tokenId, now) {
      const name = nameOf(keyId, conversation);
      bound.delete(name);
      bound.set(name, { tokenId, at: now });
      if (bound.size <= KEPT) return;
      for (const oldest of bound.keys()) {
        bound.delete(oldest);
        return;
      }
    },
  };
}
