/** Archived events made ready for folding: lifted to the current version of their type and validated, once for all projections. */
import type { StoredEvent } from '../../events/define.js';
import { decodeEvent } from '../../events/index.js';

/** Short code of why a projection could not take an event. */
export type PoisonReason = 'invalid_data' | 'unknown_version' | 'fold_failed' | 'write_failed' | 'behind_parked';

export interface Ready {
  /** With decoded data, unless there is a fault. */
  readonly event: StoredEvent;
  readonly fault: { readonly reason: PoisonReason; readonly error: string } | null;
}

/** Events of types that this code does not know are left out and counted. */
export function decodeAll(events: readonly StoredEvent[]): { readonly ready: Ready[]; readonly unknown: number } {
  const ready: Ready[] = [];
  let unknown = 0;
  for (const event of events) {
    const decoded = decodeEvent(event.type, event.dataversion, event.data);
    switch (decoded.outcome) {
      case 'ok':
        ready.push({ event: { ...event, data: decoded.data }, fault: null });
        break;
      case 'unknown_type':
        unknown += 1;
        break;
      case 'unknown_version':
        ready.push({
          event,
          fault: { reason: 'unknown_version', error: `this build does not know version ${event.dataversion} of ${event.type}` },
        });
        break;
      case 'invalid':
        ready.push({ event, fault: { reason: 'invalid_data', error: decoded.reason } });
        break;
    }
  }
  return { ready, unknown };
}
