import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketOf, middleOf, quantile, upperBound } from './histogram.js';

const latency = fc.integer({ min: 0, max: 86_400_000_000 });
const latencies = fc.array(latency, { minLength: 1, maxLength: 300 });

function bucketsOf(values: readonly number[]): Map<number, number> {
  const buckets = new Map<number, number>();
  for (const value of values) buckets.set(bucketOf(value), (buckets.get(bucketOf(value)) ?? 0) + 1);
  return buckets;
}

function merged(...all: readonly ReadonlyMap<number, number>[]): Map<number, number> {
  const sum = new Map<number, number>();
  for (const buckets of all) for (const [bucket, count] of buckets) sum.set(bucket, (sum.get(bucket) ?? 0) + count);
  return sum;
}

describe('the latency histogram', () => {
  test('gives each value a bucket that holds it, rising with the value', () => {
    fc.assert(
      fc.property(latency, latency, (a, b) => {
        expect(upperBound(bucketOf(a))).toBeGreaterThan(a);
        if (a <= b) expect(bucketOf(a)).toBeLessThanOrEqual(bucketOf(b));
      }),
    );
  });

  test('stands for every value within 4 %', () => {
    fc.assert(fc.property(latency, (value) => void expect(Math.abs(middleOf(bucketOf(value)) - value)).toBeLessThanOrEqual(value * 0.04)));
  });

  test('is exact for small values, zero included', () => {
    for (let value = 0; value <= 12; value += 1) expect(middleOf(bucketOf(value))).toBe(value);
  });

  test('gives quantiles within 5 % of those of the values themselves', () => {
    fc.assert(
      fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * values.length)) - 1] ?? 0;
        expect(Math.abs((quantile(bucketsOf(values), q) ?? -1) - exact)).toBeLessThanOrEqual(exact * 0.05);
      }),
    );
  });

  test('merges: two parts say what the whole says, in any order', () => {
    fc.assert(
      fc.property(latencies, latencies, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, q) => {
        const whole = quantile(bucketsOf([...a, ...b]), q);
        expect(quantile(merged(bucketsOf(a), bucketsOf(b)), q)).toBe(whole);
        expect(quantile(merged(bucketsOf(b), bucketsOf(a)), q)).toBe(whole);
      }),
    );
  });

  test('says nothing of nothing', () => {
    expect(quantile(new Map(), 0.5)).toBeNull();
  });
});
