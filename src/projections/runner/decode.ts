/** Archived events made ready for folding: lifted to the current version of their type and validated, once for all projections. */
import type { StoredEvent } from '../../events/define.js';
import { decodeEvent, eventTypes } from '../../events/index.js';
import { conformsTo } from './conforms.js';

/** Short code of why a projection could not take an event. */
export type PoisonReason = 'unreadable' | 'invalid_data' | 'unknown_version' | 'fold_failed' | 'write_failed' | 'behind_parked';

export interface Ready {
  /** With decoded data, unless there is a fault. */
  readonly event: StoredEvent;
  readonly fault: { readonly reason: PoisonReason; readonly error: string } | null;
}

const looks: ReadonlyMap<string, { readonly version: number; readonly fits: ReturnType<typeof conformsTo> }> = new Map(
  eventTypes.map(({ type, version, schema }) => [type, { version, fits: conformsTo(schema) }]),
);

/** Is this of its type's current version, with data exactly as the schema leaves it? */
function isCurrent({ type, dataversion, data }: StoredEvent): boolean {
  const look = looks.get(type);
  return look?.version === dataversion && look.fits?.(data) === true;
}

/** Events of types that this code does not know are left out and counted. */
export function decodeAll(events: readonly StoredEvent[]): { readonly ready: Ready[]; readonly unknown: number } {
  const ready: Ready[] = [];
  let unknown = 0;
  for (const event of events) {
    if (isCurrent(event)) {
      ready.push({ event, fault: null });
      continue;
    }
    const decoded = decodeEvent(event.type, event.dataversion, event.data);
    switch (decoded.outcome) {
      case 'ok':
        ready.push({ event: { ...event, data: decoded.data }, fault: null });
        break;
      case 'unknown_type':
        unknown += 1;
        break;
      case 'unknown_version':
        ready.push({ event, fault: unreadable(event) ?? unknownVersion(event) });
        break;
      case 'invalid':
        ready.push({ event, fault: { reason: 'invalid_data', error: decoded.reason } });
        break;
    }
  }
  return { ready, unknown };
}

function unknownVersion({ type, dataversion }: StoredEvent): Ready['fault'] {
  return { reason: 'unknown_version', error: `this build does not know version ${dataversion} of ${type}` };
}

/**
 * What the log puts in the place of an entry that is no event: of the type that the entry names, of version 0, which no
 * type has, with what was wrong in its data. null: an event like any other.
 */
export function unreadable({ dataversion, data }: Pick<StoredEvent, 'dataversion' | 'data'>): NonNullable<Ready['fault']> | null {
  if (dataversion !== 0 || typeof data !== 'object' || data === null) return null;
  const { unreadable: fault } = data as { readonly unreadable?: unknown };
  return typeof fault === 'string' ? { reason: 'unreadable', error: fault } : null;
}
