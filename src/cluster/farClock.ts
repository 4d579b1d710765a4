/** A server's clock as this process reckons it between two answers: both go at the same pace. */
export interface FarClock {
  /** The server said `reading` (ms), and its answer was here at `monotonic` (ms). */
  note(reading: number, monotonic: number): void;
  /** The server's clock at a moment of ours, never later than it truly was; null before the first answer. */
  at(monotonic: number): number | null;
}

export function createFarClock(): FarClock {
  let last: { readonly reading: number; readonly monotonic: number } | null = null;
  return {
    note(reading, monotonic) {
      last = { reading, monotonic };
    },
    // The answer came later than the server looked at its clock.
    at: (monotonic) => (last === null ? null : last.reading + (monotonic - last.monotonic)),
  };
}
