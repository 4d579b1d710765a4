/** Where usable credentials are found again: the 50 hottest in memory, the rest sealed in the cache that nodes share (spec R3). */
import type { SharedCache } from '../infra/cache/port.js';
import type { Vault } from '../infra/vault.js';
import type { Entry } from './freshness.js';

const LOCAL_ENTRIES = 50;
const SHARED_TTL_MS = 3_600_000;

export interface EntryCache {
  /** From memory; counts as a use. */
  local(tokenId: string): Entry | undefined;
  /** All that is in memory; counts as no use. */
  locals(): ReadonlyMap<string, Entry>;
  keepLocal(tokenId: string, entry: Entry): void;
  shared(tokenId: string): Promise<Entry | undefined>;
  /** In memory and for the other nodes. */
  keep(tokenId: string, entry: Entry): Promise<void>;
  forget(tokenId: string): Promise<void>;
}

const keyOf = (tokenId: string): string => `auth:${tokenId}`;

export function createEntryCache({ cache, vault }: { readonly cache: SharedCache; readonly vault: Vault }): EntryCache {
  // A Map keeps the order of insertion: what is used is put in again, so the first key is the least recently used.
  const entries = new Map<string, Entry>();

  function keepLocal(tokenId: string, entry: Entry): void {
    entries.delete(tokenId);
    entries.set(tokenId, entry);
    if (entries.size > LOCAL_ENTRIES) entries.delete(entries.keys().next().value ?? '');
  }

  return {
    local(tokenId) {
      const entry = entries.get(tokenId);
      if (entry !== undefined) keepLocal(tokenId, entry);
      return entry;
    },
    locals: () => entries,
    keepLocal,
    async shared(tokenId) {
      const key = keyOf(tokenId);
      const sealed = await cache.get(key);
      if (!sealed) return undefined;
      try {
        return JSON.parse(vault.open(sealed.toString('utf8'), key)) as Entry;
      } catch {
        return undefined; // sealed with another key, or damaged: the vault table has the truth
      }
    },
    async keep(tokenId, entry) {
      keepLocal(tokenId, entry);
      const key = keyOf(tokenId);
      await cache.set(key, Buffer.from(vault.seal(JSON.stringify(entry), key), 'utf8'), SHARED_TTL_MS);
    },
    async forget(tokenId) {
      entries.delete(tokenId);
      await cache.delete(keyOf(tokenId));
    },
  };
}
