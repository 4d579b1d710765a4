/** Those who wait until the event log holds nothing more that they must see archived. */

export interface Idlers {
  readonly size: number;
  /** Resolves when `settle` says so; `target`: count of processed entries that is enough, where this process archives alone. */
  wait(target: number): Promise<void>;
  /** An empty log contents everybody; a process that archives alone also counts. `processed`: null among several processes. */
  settle(empty: boolean, processed: number | null): void;
  fail(error: unknown): void;
}

interface Idler {
  readonly target: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export function createIdlers(): Idlers {
  const waiting = new Set<Idler>();
  return {
    get size() {
      return waiting.size;
    },
    wait: (target) => new Promise((resolve, reject) => void waiting.add({ target, resolve, reject })),
    settle(empty, processed) {
      for (const idler of waiting) {
        if (!empty && (processed === null || processed < idler.target)) continue;
        waiting.delete(idler);
        idler.resolve();
      }
    },
    fail(error) {
      for (const { reject } of waiting) reject(error);
      waiting.clear();
    },
  };
}
