/** Calls that must still be made although Redis did not answer: freed slots, closed records, cancelled admissions. In order, bounded. */
import { AppError } from '../../errors.js';
import type { ScriptCall } from './calls.js';
import type { Argument } from './requests.js';

/** Beyond this the oldest are given up: their leases end with this run. */
const MOST = 10_000;

export interface Backlog {
  add(script: string, args: readonly Argument[]): void;
  /** Makes the calls, oldest first; rejects while the store is still away, and keeps what is left. */
  flush(): Promise<void>;
}

export function createBacklog(call: ScriptCall): Backlog {
  const waiting: { readonly script: string; readonly args: readonly Argument[] }[] = [];
  return {
    add(script, args) {
      waiting.push({ script, args });
      if (waiting.length > MOST) waiting.shift();
    },
    async flush() {
      for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
        try {
          await call(next.script, next.args);
        } catch (error) {
          // Anything but a lost store would refuse it for ever.
          if (error instanceof AppError && error.code === 'storage_unavailable') throw error;
        }
        if (waiting[0] === next) waiting.shift();
      }
    },
  };
}
