/** An archived event in the form that everybody outside sees: CloudEvents 1.0 JSON. */
import { isDeeper } from '../shared/nesting.js';
import type { StoredEvent } from './define.js';

/** JSON.stringify goes down by calls; some thousand levels exhaust them. */
const MOST_DEPTH = 500;

/** What readers see in the place of data that no JSON can be made of. */
export const unreadableData = { unreadable: true } as const;

/**
 * Attributes without a value are left out, as CloudEvents wants it. `sequence` is the position in the partition, as a string.
 * Data that could not be written as JSON again is marked as unreadable: it must not keep readers from the events behind it.
 */
export function toCloudEvent(event: StoredEvent): Record<string, unknown> {
  return {
    specversion: '1.0',
    id: event.id,
    source: event.source,
    type: event.type,
    subject: event.subject,
    time: new Date(event.time).toISOString(),
    datacontenttype: 'application/json',
    dataversion: event.dataversion,
    partitionkey: event.partitionkey,
    actor: event.actor,
    ...(event.correlationid === null ? {} : { correlationid: event.correlationid }),
    ...(event.causationid === null ? {} : { causationid: event.causationid }),
    partition: event.partition,
    sequence: String(event.position),
    data: isDeeper(event.data, MOST_DEPTH) ? unreadableData : event.data,
  };
}
