/** The shared cache of a single node: the most recently used values in memory, each until it expires. */
import type { Clock } from '../../shared/clock.js';
import type { SharedCache } from './port.js';

export interface MemoryCacheOptions {
  readonly clock: Clock;
  /** Entries kept; the least recently used leaves first. Default 1,000. */
  readonly maxEntries?: number;
  /** Bytes of keys and values kept. Default 16 MiB. */
  readonly maxBytes?: number;
}

interface Entry {
  readonly value: Buffer;
  /** On the monotonic clock, ms. */
  readonly expires: number;
}

export function createMemoryCache({ clock, maxEntries = 1_000, maxBytes = 16 * 1024 * 1024 }: MemoryCacheOptions): SharedCache {
  // A Map keeps the order of insertion: what is read is put in again, so the first key is the least recently used.
  const entries = new Map<string, Entry>();
  let bytes = 0;
  const sizeOf = (key: string, entry: Entry): number => key.length * 2 + entry.value.length;
  const drop = (key: string): void => {
    const entry = entries.get(key);
    if (!entry) return;
    entries.delete(key);
    bytes -= sizeOf(key, entry);
  };
  return {
    async get(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      if (entry.expires <= clock.monotonic()) {
        drop(key);
        return undefined;
      }
      entries.delete(key);
      entries.set(key, entry);
      return Buffer.from(entry.value);
    },
    async set(key, value, ttlMs) {
      drop(key);
      if (ttlMs <= 0) return;
      const entry = { value: Buffer.from(value), expires: clock.monotonic() + ttlMs };
      entries.set(key, entry);
      bytes += sizeOf(key, entry);
      for (const oldest of entries.keys()) {
        if (entries.size <= maxEntries && bytes <= maxBytes) break;
        drop(oldest);
      }
    },
    async delete(key) {
      drop(key);
    },
    async close() {
      entries.clear();
      bytes = 0;
    },
  };
}
