/** An archived event in the form that everybody outside sees: CloudEvents 1.0 JSON. */
import type { StoredEvent } from './define.js';

/** Attributes without a value are left out, as CloudEvents wants it. `sequence` is the position in the partition, as a string. */
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
    data: event.data,
  };
}
