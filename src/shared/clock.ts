/** Time as a dependency, so that every rule that looks at a clock can be tested with one of its own. */

export interface Clock {
  /** Wall time in milliseconds since the epoch, UTC. May step. */
  now(): number;
  /** Milliseconds from an arbitrary start that never step back; for durations and windows. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
