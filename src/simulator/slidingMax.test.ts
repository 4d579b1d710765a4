import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSlidingMax } from './slidingMax.js';

/** The same by brute force: for each event, how many lie in the window that ends with it. */
const naive = (times: readonly number[], length: number): number =>
  Math.max(0, ...times.map((end, i) => times.slice(0, i + 1).filter((t) => t > end - length).length));

describe('the most events in any window', () => {
  it('agrees with counting them one by one', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 200 }), (gaps) => {
        const sliding = createSlidingMax([60, 360]);
        let now = 0;
        const times = gaps.map((gap) => (now += gap));
        for (const t of times) sliding.add(t);
        expect(sliding.highest()).toEqual([naive(times, 60), naive(times, 360)]);
        expect(sliding.counts(now)).toEqual([60, 360].map((w) => times.filter((t) => t > now - w).length));
      }),
    );
  });

  it('does not count two events that are a whole window apart together', () => {
    const sliding = createSlidingMax([60_000]);
    sliding.add(0);
    sliding.add(60_000);
    expect(sliding.highest()).toEqual([1]);
    sliding.add(60_001);
    expect(sliding.highest()).toEqual([2]);
  });

  it('says so when it had to forget', () => {
    const sliding = createSlidingMax([1_000], 16);
    for (let i = 0; i < 16; i++) sliding.add(i);
    expect(sliding.saturated()).toBe(false);
    sliding.add(16);
    expect(sliding.saturated()).toBe(true);
    expect(sliding.highest()).toEqual([16]);
  });
});
