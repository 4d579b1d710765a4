import { describe, expect, it } from 'vitest';
import { createGenerations } from './generations.js';

describe('generations', () => {
  it('keep an entry for its time and not longer', () => {
    const map = createGenerations<number>({ maxEntries: 100, maxAgeMs: 60_000 });
    for (let at = 0; at < 600_000; at += 7_000) {
      map.put(`${at}`, at, at);
      for (let old = 0; old <= at; old += 7_000) expect(map.get(`${old}`, at)).toBe(old > at - 60_000 ? old : undefined);
    }
  });

  it('keep the newer half at least, and no more than they may', () => {
    const map = createGenerations<number>({ maxEntries: 100, maxAgeMs: 60_000 });
    for (let i = 0; i < 1_000; i += 1) map.put(`${i}`, i, 0);
    const kept = Array.from({ length: 1_000 }, (_, i) => map.get(`${i}`, 0)).filter((value) => value !== undefined);
    expect(kept.length).toBeLessThanOrEqual(100);
    expect(kept).toEqual(expect.arrayContaining(Array.from({ length: 50 }, (_, i) => 950 + i)));
  });
});
