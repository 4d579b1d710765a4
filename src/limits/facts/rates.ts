/** A node's own uses of keys in the last minute. */

const KEPT_MS = 60_000;
/** Beyond this the oldest go: no node admits so many in a minute. */
const MOST = 500_000;

export interface RateFacts {
  add(keyId: string): void;
  /** Monotonic times of the last 60 s, rising. */
  all(): { readonly keyId: string; readonly times: readonly number[] }[];
}

export function createRateFacts(clock: { monotonic(): number }): RateFacts {
  let uses: { readonly keyId: string; readonly at: number }[] = [];
  let head = 0;
  const trim = (): void => {
    const from = clock.monotonic() - KEPT_MS;
    while (head < uses.length && ((uses[head]?.at ?? 0) <= from || uses.length - head > MOST)) head += 1;
    if (head > 1_024 && head * 2 > uses.length) {
      uses = uses.slice(head);
      head = 0;
    }
  };
  return {
    add(keyId) {
      uses.push({ keyId, at: clock.monotonic() });
      trim();
    },
    all() {
      trim();
      const keys = new Map<string, number[]>();
      for (const { keyId, at } of uses.slice(head)) {
        const times = keys.get(keyId);
        if (times) times.push(at);
        else keys.set(keyId, [at]);
      }
      return [...keys].map(([keyId, times]) => ({ keyId, times }));
    },
  };
}
