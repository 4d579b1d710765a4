/**
 * A latency histogram with log-spaced buckets: counts per bucket merge by addition, and a quantile read from
 * them is off by less than 4 %. Bounds come from integer arithmetic, so that every machine has the same ones.
 */

/** Each bound is 27/25 = 1.08 times the one before (at least one more); the last bucket holds all above. */
const bounds: readonly number[] = (() => {
  const list = [0, 1];
  const longest = 86_400_000_000; // a day in µs
  for (let bound = 1; bound < longest; ) {
    bound = Math.max(bound + 1, Math.floor((bound * 27) / 25));
    list.push(bound);
  }
  return list;
})();

/** The bucket of a value (µs, an integer from 0): the greatest whose lower bound is not above it. */
export function bucketOf(value: number): number {
  let low = 0;
  let high = bounds.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((bounds[middle] as number) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The value that stands for a bucket: as far, in proportion, from its least as from its greatest. */
export function middleOf(bucket: number): number {
  const least = bounds[bucket] ?? 0;
  const greatest = (bounds[bucket + 1] ?? least + 1) - 1;
  return least === 0 ? 0 : (2 * least * greatest) / (least + greatest);
}

/** Upper bound (exclusive) of a bucket; Infinity for the last. */
export function upperBound(bucket: number): number {
  return bounds[bucket + 1] ?? Number.POSITIVE_INFINITY;
}

/** Requests per bucket. */
export type Buckets = ReadonlyMap<number, number>;

/** The value at or below which the share `q` (0–1) of all lies, in the unit of the values; null without any. */
export function quantile(buckets: Buckets, q: number): number | null {
  let total = 0;
  for (const count of buckets.values()) total += count;
  if (total === 0) return null;
  const rank = Math.max(1, Math.ceil(q * total));
  let seen = 0;
  for (const [bucket, count] of [...buckets].sort(([a], [b]) => a - b)) {
    seen += count;
    if (seen >= rank) return middleOf(bucket);
  }
  return null;
}
