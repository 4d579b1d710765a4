/** Refused commands, told without filling the archive: the first per actor, command and code at once, then one a minute with its count. */
import type { EventInput } from '../events/index.js';

export interface Refusal {
  readonly actor: string;
  readonly correlationId: string | null;
  readonly data: EventInput<'kirogate.admin.command-refused'>;
}

export interface RefusalRecorder {
  /** Resolves when the refusal is recorded or counted. Never rejects. */
  refused(refusal: Refusal): Promise<void>;
  /** Records what was counted so far, and stops. */
  close(): Promise<void>;
}

export interface RefusalDeps {
  /** Writes one event; its failure is reported and forgotten. */
  readonly record: (refusal: Refusal) => Promise<void>;
  readonly onLost: (error: unknown, refusal: Refusal) => void;
  /** Calls back after `ms` unless cancelled. */
  readonly after: (ms: number, callback: () => void) => { cancel(): void };
}

const WINDOW_MS = 60_000;
/** Distinct combinations counted at once; what is beyond is counted together per code. */
const MAX_WINDOWS = 1_000;

interface Window {
  readonly timer: { cancel(): void };
  /** Stands for `count` refusals not recorded yet. */
  last: Refusal;
  count: number;
}

export function createRefusalRecorder(deps: RefusalDeps): RefusalRecorder {
  const windows = new Map<string, Window>();

  const write = (refusal: Refusal): Promise<void> => deps.record(refusal).catch((error: unknown) => deps.onLost(error, refusal));

  const open = (key: string, refusal: Refusal): void => {
    const timer = deps.after(WINDOW_MS, () => void turn(key));
    windows.set(key, { timer, last: refusal, count: 0 });
  };

  /** The minute is over: tell what it counted and begin another, or forget it. */
  async function turn(key: string): Promise<void> {
    const window = windows.get(key);
    windows.delete(key);
    if (window === undefined || window.count === 0) return;
    open(key, window.last);
    await write(counted(window));
  }

  return {
    async refused(refusal) {
      const { key, told } = fold(refusal, windows);
      const window = windows.get(key);
      if (window !== undefined) {
        window.last = told;
        window.count += 1;
        return;
      }
      open(key, told);
      await write(told);
    },
    async close() {
      const pending = [...windows.values()];
      windows.clear();
      for (const window of pending) window.timer.cancel();
      await Promise.all(pending.filter((window) => window.count > 0).map((window) => write(counted(window))));
    },
  };
}

function counted(window: Window): Refusal {
  return { ...window.last, data: { ...window.last.data, count: window.count } };
}

function fold(refusal: Refusal, windows: ReadonlyMap<string, unknown>): { key: string; told: Refusal } {
  const key = `${refusal.actor} ${refusal.data.command} ${refusal.data.code}`;
  if (windows.size < MAX_WINDOWS || windows.has(key)) return { key, told: refusal };
  const told: Refusal = {
    actor: 'system',
    correlationId: null,
    data: { ...refusal.data, command: 'several', target: null, param: null },
  };
  return { key: `several ${refusal.data.code}`, told };
}
