/** How many happened in the last 60 s, to the second: one number for each, whatever the rate. */

export interface Recent {
  count(): void;
  lastMinute(): number;
}

const SLOTS = 60;

/** `monotonic` in ms. */
export function createRecent(monotonic: () => number): Recent {
  const counts = new Array<number>(SLOTS).fill(0);
  let second = Math.floor(monotonic() / 1000);

  /** Empties the slots that the time since the last call has passed. */
  const advance = (): void => {
    const now = Math.floor(monotonic() / 1000);
    for (let step = Math.max(second + 1, now - SLOTS + 1); step <= now; step += 1) counts[step % SLOTS] = 0;
    second = now;
  };

  return {
    count() {
      advance();
      counts[second % SLOTS] = (counts[second % SLOTS] ?? 0) + 1;
    },
    lastMinute() {
      advance();
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}
