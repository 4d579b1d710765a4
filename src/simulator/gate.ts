/** Holds replies back until they are released together. */
import type { ServerResponse } from 'node:http';

export interface Gate {
  /** Resolves at the next `release`, or when the response is closed. */
  hold(res: ServerResponse): Promise<void>;
  /** Lets everything go that waits now; returns how many. */
  release(): number;
  held(): number;
}

export function createGate(): Gate {
  const waiting = new Set<() => void>();
  return {
    hold: (res) =>
      new Promise((resolve) => {
        const go = (): void => {
          waiting.delete(go);
          res.off('close', go);
          resolve();
        };
        if (res.closed) return resolve();
        waiting.add(go);
        res.once('close', go);
      }),
    release() {
      const all = [...waiting];
      for (const go of all) go();
      return all.length;
    },
    held: () => waiting.size,
  };
}
