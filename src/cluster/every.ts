/** Repeated work as a dependency, so that tests decide when the time has come. */

/** Calls `run` every `ms` until the answer is called. */
export type Every = (ms: number, run: () => void) => () => void;

/** The real timer; it does not keep the process alive. */
export const realEvery: Every = (ms, run) => {
  const timer = setInterval(run, ms);
  timer.unref();
  return () => clearInterval(timer);
};
