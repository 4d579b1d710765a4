/** A shared key–value cache with expiry. It may forget at any time; what it holds is never the truth. */

export interface SharedCache {
  /** The value, or undefined when absent, expired or the cache is out of reach. */
  get(key: string): Promise<Buffer | undefined>;
  /** Keeps `value` for `ttlMs`. Resolves also when the cache is out of reach. */
  set(key: string, value: Buffer, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}
