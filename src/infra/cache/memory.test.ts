import { describe, expect, it } from 'vitest';
import { cacheContract } from './contract.js';
import { createMemoryCache } from './memory.js';

function handClock(): { clock: { now(): number; monotonic(): number }; pass(ms: number): Promise<void> } {
  let at = 0;
  return {
    clock: { now: () => at, monotonic: () => at },
    pass: async (ms) => {
      at += ms;
    },
  };
}

describe('the cache in memory', () => {
  cacheContract(async () => {
    const { clock, pass } = handClock();
    return { cache: createMemoryCache({ clock }), pass };
  });

  it('lets the least recently used go when it holds too many', async () => {
    const cache = createMemoryCache({ clock: handClock().clock, maxEntries: 2 });
    await cache.set('a', Buffer.from('1'), 1_000);
    await cache.set('b', Buffer.from('2'), 1_000);
    await cache.get('a');
    await cache.set('c', Buffer.from('3'), 1_000);
    expect(await cache.get('b')).toBeUndefined();
    expect(await cache.get('a')).toBeDefined();
    expect(await cache.get('c')).toBeDefined();
  });

  it('stays within its bytes', async () => {
    const cache = createMemoryCache({ clock: handClock().clock, maxBytes: 1_000 });
    await cache.set('a', Buffer.alloc(600), 1_000);
    await cache.set('b', Buffer.alloc(600), 1_000);
    expect(await cache.get('a')).toBeUndefined();
    expect(await cache.get('b')).toBeDefined();
    await cache.set('huge', Buffer.alloc(2_000), 1_000);
    expect(await cache.get('huge')).toBeUndefined();
  });
});
