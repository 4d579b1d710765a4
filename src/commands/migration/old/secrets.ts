/** Opens what an old KiroGate encrypted, with the first key that fits. */
import { type FernetKey, fernetKey } from '../../../infra/fernet.js';

/** What earlier releases shipped as their default; whoever has the file can open it. */
const published = [
  'kirogate_token_encrypt_key_32b!',
  'GeekGate_token_encrypt_key_32b!',
  'change-me-32-bytes-key!!',
  'change-me-in-production',
] as const;

export interface OldSecrets {
  /** null: no key fits, or the text was altered. */
  open(sealed: string): string | null;
  /** Was one of the published keys needed? */
  readonly usedPublished: boolean;
}

/** `keys`: as the operator gave them, tried first. */
export function createOldSecrets(keys: readonly string[]): OldSecrets {
  const unique = [...new Set(keys.filter((key) => key !== ''))];
  const candidates: { key: FernetKey; isPublished: boolean }[] = [
    ...unique.map((text) => ({ key: fernetKey(text), isPublished: (published as readonly string[]).includes(text) })),
    ...published.filter((text) => !unique.includes(text)).map((text) => ({ key: fernetKey(text), isPublished: true })),
  ];
  let usedPublished = false;
  return {
    open(sealed) {
      for (const [index, candidate] of candidates.entries()) {
        const clear = candidate.key.open(sealed);
        if (clear === null) continue;
        usedPublished ||= candidate.isPublished;
        // One installation has one key: the next row is tried with it first.
        if (index > 0) candidates.unshift(...candidates.splice(index, 1));
        return clear;
      }
      return null;
    },
    get usedPublished() {
      return usedPublished;
    },
  };
}
