/** Finds the most events that ever fell into any window of a given length, exactly, in little memory. */

export interface SlidingMax {
  /** Times must not fall. */
  add(at: number): void;
  /** Events in each window `(now - length, now]`, in the order of the lengths given. */
  counts(now: number): readonly number[];
  /** The highest count each window ever had. A lower bound once `saturated`. */
  highest(): readonly number[];
  /** True once more events than `limit` had to be remembered at once. */
  saturated(): boolean;
  reset(): void;
}

/**
 * A ring of times as wide as the longest window needs (8 bytes each, doubling from 16), with one tail per window.
 * `limit` bounds it: beyond that many events in the longest window the oldest is forgotten.
 */
export function createSlidingMax(windowsMs: readonly number[], limit = 2 ** 21): SlidingMax {
  let ring = new Float64Array(16);
  let added = 0;
  let full = false;
  /** How many events have left each window; never behind what the ring still holds. */
  const left = windowsMs.map(() => 0);
  const highest = windowsMs.map(() => 0);
  const at = (index: number): number => ring[index % ring.length] as number; // in range by the modulus
  const oldest = (): number => Math.min(...left);

  const grow = (): void => {
    const wider = new Float64Array(ring.length * 2);
    for (let i = oldest(); i < added; i++) wider[i % wider.length] = at(i);
    ring = wider;
  };
  const expire = (now: number): void => {
    for (const [w, length] of windowsMs.entries()) {
      let tail = left[w] as number; // same length as windowsMs
      while (tail < added && at(tail) <= now - length) tail += 1;
      left[w] = tail;
    }
  };
  const makeRoom = (): void => {
    if (added - oldest() < ring.length) return;
    if (ring.length < limit) {
      grow();
      return;
    }
    full = true;
    const keep = added - ring.length + 1;
    for (const [w, tail] of left.entries()) left[w] = Math.max(tail, keep);
  };

  return {
    add(time) {
      expire(time);
      makeRoom();
      ring[added % ring.length] = time;
      added += 1;
      for (const [w, tail] of left.entries()) highest[w] = Math.max(highest[w] as number, added - tail); // same length
    },
    counts(now) {
      expire(now);
      return left.map((tail) => added - tail);
    },
    highest: () => [...highest],
    saturated: () => full,
    reset() {
      ring = new Float64Array(16);
      added = 0;
      full = false;
      left.fill(0);
      highest.fill(0);
    },
  };
}
