/** What every shared cache must do; each adapter's test runs this suite on its own. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SharedCache } from './port.js';

export interface CacheUnderTest {
  readonly cache: SharedCache;
  /** Lets this much time go by for the cache. */
  pass(ms: number): Promise<void>;
}

export function cacheContract(open: () => Promise<CacheUnderTest>): void {
  let cache: SharedCache;
  let pass: CacheUnderTest['pass'];
  beforeEach(async () => {
    ({ cache, pass } = await open());
  });
  afterEach(() => cache.close());

  it('gives back what it was given, byte for byte', async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 128]);
    await cache.set('k', bytes, 60_000);
    expect(await cache.get('k')).toEqual(bytes);
  });

  it('knows nothing of what it was never given or has deleted', async () => {
    expect(await cache.get('k')).toBeUndefined();
    await cache.set('k', Buffer.from('v'), 60_000);
    await cache.delete('k');
    await cache.delete('k');
    expect(await cache.get('k')).toBeUndefined();
  });

  it('replaces value and time to live', async () => {
    await cache.set('k', Buffer.from('old'), 50);
    await cache.set('k', Buffer.from('new'), 60_000);
    await pass(100);
    expect(await cache.get('k')).toEqual(Buffer.from('new'));
  });

  it('forgets after the time to live', async () => {
    await cache.set('k', Buffer.from('v'), 50);
    expect(await cache.get('k')).toEqual(Buffer.from('v'));
    await pass(100);
    expect(await cache.get('k')).toBeUndefined();
  });

  it('is not changed by what happens to a buffer outside', async () => {
    const mine = Buffer.from('abc');
    await cache.set('k', mine, 60_000);
    mine.fill(0);
    (await cache.get('k'))?.fill(0);
    expect(await cache.get('k')).toEqual(Buffer.from('abc'));
  });
}
