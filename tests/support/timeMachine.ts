/** Moves the clock of this process, wall and monotonic alike: the node, its simulator and the test see the same time. Timers stay real. */
import { vi } from 'vitest';

export interface TimeMachine {
  /** Goes `ms` ahead; time runs on from there, or stands still where it was stopped. */
  advance(ms: number): void;
  /** From now on only `advance` moves time, to the millisecond. */
  freeze(): void;
  thaw(): void;
  /** Gives the real clock back. */
  restore(): void;
}

export function startTimeMachine(): TimeMachine {
  const realNow = Date.now.bind(Date);
  const realMonotonic = performance.now.bind(performance);
  let ahead = 0;
  let frozenAt: number | null = null;
  const passed = (): number => frozenAt ?? realMonotonic();
  // One origin for both clocks, so that they can stand still together.
  const origin = realNow() - realMonotonic();
  const wall = vi.spyOn(Date, 'now').mockImplementation(() => Math.floor(origin + passed() + ahead));
  const monotonic = vi.spyOn(performance, 'now').mockImplementation(() => passed() + ahead);
  return {
    advance(ms) {
      ahead += ms;
    },
    freeze() {
      // On a whole millisecond, so that no sum of times is off by the last bit of a fraction.
      frozenAt = Math.ceil(realMonotonic());
    },
    thaw() {
      if (frozenAt !== null) ahead -= realMonotonic() - frozenAt;
      frozenAt = null;
    },
    restore() {
      wall.mockRestore();
      monotonic.mockRestore();
    },
  };
}
