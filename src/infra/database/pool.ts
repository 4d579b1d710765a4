/** A bounded set of like things that are opened on demand and lent to one user at a time. */

export interface Pool<T> {
  /** Lends one to `fn`; waits, first come first served, while all are lent. */
  use<R>(fn: (item: T) => Promise<R>): Promise<R>;
  /** Waits for those lent, then ends all. */
  close(): Promise<void>;
}

export function createPool<T>(options: { max: number; open: () => Promise<T>; end: (item: T) => Promise<void> }): Pool<T> {
  const idle: T[] = [];
  const running = new Set<Promise<unknown>>();
  const waiting: (() => void)[] = [];
  let lent = 0;

  const lend = async <R>(fn: (item: T) => Promise<R>): Promise<R> => {
    if (lent >= options.max) await new Promise<void>((resolve) => waiting.push(resolve));
    else lent += 1;
    try {
      const item = idle.pop() ?? (await options.open());
      try {
        return await fn(item);
      } finally {
        idle.push(item);
      }
    } finally {
      // The place goes straight to the next in line, so that nobody overtakes.
      const next = waiting.shift();
      if (next) next();
      else lent -= 1;
    }
  };

  return {
    use(fn) {
      const run = lend(fn);
      running.add(run);
      const done = (): void => void running.delete(run);
      run.then(done, done);
      return run;
    },
    async close() {
      await Promise.allSettled([...running]);
      await Promise.all(idle.splice(0).map(options.end));
    },
  };
}
