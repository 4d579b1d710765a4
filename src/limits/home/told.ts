/** What the directory told this node of the pool: brought to the limits in the end, the newest state of each token, and again to a new home. */
import type { LimitSettings, PoolToken } from '../port.js';
import type { Tenure } from './tenure.js';

/** Changes told again to a new home: whoever filled it may have been a little behind. */
const AGAIN_MS = 300_000;
const MOST_AGAIN = 10_000;
const AT_ONCE = 500;

type Change = { readonly token: PoolToken } | { readonly removed: string; readonly position: number };

export interface Told {
  configure(settings: LimitSettings): void;
  /** Resolves when the limits know, or at once while they have no home; never rejects. */
  put(changes: readonly Change[]): Promise<void>;
  /** Brings what waits. */
  flush(): void;
  /** A new home: what was told lately is told again. */
  again(): void;
}

export function createTold(tenure: () => Tenure | undefined, monotonic: () => number): Told {
  const pending = new Map<string, Change>();
  const recent = new Map<string, { readonly change: Change; readonly at: number }>();
  let settings: LimitSettings | undefined;
  let done: (() => void)[] = [];
  let flushing: Promise<void> | undefined;

  const idOf = (change: Change): string => ('token' in change ? change.token.id : change.removed);
  const positionOf = (change: Change): number => ('token' in change ? change.token.position : change.position);
  const note = (change: Change): void => {
    const id = idOf(change);
    const known = pending.get(id);
    if (known === undefined || positionOf(known) <= positionOf(change)) pending.set(id, change);
  };

  const bring = async (home: Tenure, changes: readonly Change[]): Promise<void> => {
    const tokens = changes.flatMap((change) => ('token' in change ? [change.token] : []));
    await home.limits.putTokens(tokens);
    for (const change of changes) if ('removed' in change) await home.limits.removeToken(change.removed, change.position);
  };
  const flush = async (): Promise<void> => {
    for (let home = tenure(); home !== undefined && pending.size > 0; home = tenure()) {
      const some = [...pending].slice(0, AT_ONCE);
      for (const [id] of some) pending.delete(id);
      try {
        await bring(
          home,
          some.map(([, change]) => change),
        );
      } catch {
        for (const [, change] of some) note(change);
        return;
      }
    }
    if (pending.size > 0) return;
    for (const resolve of done) resolve();
    done = [];
  };
  const start = (): void => {
    flushing ??= flush().finally(() => (flushing = undefined));
  };

  return {
    configure(next) {
      settings = next;
      tenure()?.limits.configure(next);
    },
    put(changes) {
      const at = monotonic();
      for (const change of changes) {
        note(change);
        recent.delete(idOf(change));
        recent.set(idOf(change), { change, at });
      }
      for (const [id, one] of recent) {
        if (recent.size <= MOST_AGAIN && one.at > at - AGAIN_MS) break;
        recent.delete(id);
      }
      if (tenure() === undefined) return Promise.resolve();
      return new Promise((resolve) => {
        done.push(resolve);
        // What is under way may have passed these by: look again when it is over.
        if (flushing === undefined) start();
        else void flushing.then(start);
      });
    },
    flush: start,
    again() {
      if (settings !== undefined) tenure()?.limits.configure(settings);
      const from = monotonic() - AGAIN_MS;
      for (const { change, at } of recent.values()) if (at > from) note(change);
      start();
    },
  };
}
