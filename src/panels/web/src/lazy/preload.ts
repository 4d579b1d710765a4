/** Loads the pages of a panel while the browser has nothing else to do, so that they open also when the node is away. */

/** One after another; stops at the first that cannot be had, since opening it tries again. Answers how to stop it. */
export function preloadWhenIdle(loads: readonly (() => Promise<unknown>)[], idle: (run: () => Promise<void>) => () => void): () => void {
  let cancel = (): void => undefined;
  let stopped = false;
  const next = (index: number): void => {
    const load = loads[index];
    if (load === undefined || stopped) return;
    cancel = idle(() =>
      load().then(
        () => next(index + 1),
        () => undefined,
      ),
    );
  };
  next(0);
  return () => {
    stopped = true;
    cancel();
  };
}

/** Safari tells nobody when it is idle. */
export function whenIdle(run: () => Promise<void>): () => void {
  if (typeof requestIdleCallback === 'undefined') {
    const timer = setTimeout(() => void run(), 300);
    return () => clearTimeout(timer);
  }
  const handle = requestIdleCallback(() => void run(), { timeout: 5_000 });
  return () => cancelIdleCallback(handle);
}
