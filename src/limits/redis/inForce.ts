/** Brings this node's settings into force for all nodes; Redis holds them once, so that every admission obeys the same. */
import type { LimitSettings } from '../port.js';
import type { ScriptCall } from './calls.js';
import { readCursor } from './records.js';
import { settingsArguments } from './requests.js';

export interface InForce {
  /** Puts the settings in force where none are. Only a start does this: limits that were lost must not reopen by themselves. */
  open(): Promise<void>;
  /**
   * Puts them in force at once, before whatever this node asks next. Resolves when the whole pool was looked at anew.
   * Nodes see the same changes in the same order, so the last one stays.
   */
  change(next: LimitSettings): Promise<void>;
  /** Once more, where it did not succeed before. */
  retry(): Promise<void>;
}

export interface InForceDeps {
  readonly call: ScriptCall;
  /** The same without tries of its own: a change that is tried again late could undo a newer one. */
  readonly callOnce: ScriptCall;
  readonly settings: LimitSettings;
}

export function createInForce(deps: InForceDeps): InForce {
  let wanted = deps.settings;
  let isDone = true;

  const put = async (begin: '' | 'open', call: ScriptCall): Promise<void> => {
    const putting = wanted;
    let cursor: string = begin;
    do cursor = readCursor(await call('configurePool', [...settingsArguments(putting), cursor, putting.position ?? '']));
    while (cursor !== '0' && putting === wanted);
    if (putting === wanted) isDone = true;
  };

  return {
    open: () => put('open', deps.call),
    change(next) {
      wanted = next;
      isDone = false;
      return put('', deps.callOnce);
    },
    async retry() {
      if (!isDone) await put('', deps.callOnce);
    },
  };
}
