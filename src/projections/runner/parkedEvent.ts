/** Parking is itself an event of the control partition, so that nobody has to look for it. */
import { z } from 'zod';
import type { NewEvent } from '../../events/define.js';
import type { Clock } from '../../shared/clock.js';
import { derivedUuid, type Ids } from '../../shared/ids.js';
import type { Poison } from './fold.js';

export function parkedEventMaker(ids: Ids, clock: Clock): (poison: Poison) => NewEvent {
  return (poison) => parkedEvent(poison, ids.uuid(), clock.now());
}

function parkedEvent({ projection, event, reason, error }: Poison, id: string, now: number): NewEvent {
  return {
    id,
    type: 'kirogate.projection.event-parked',
    source: event.source,
    subject: `projection/${projection.name}`,
    time: now,
    data: {
      projection: projection.name,
      // Somebody else's entry may have an id of its own kind; partition and position name it in any case.
      eventId: z.uuid().safeParse(event.id).success ? event.id : derivedUuid(`${event.partition}/${event.position}`, event.time),
      type: event.type.slice(0, 200),
      subject: event.subject.slice(0, 300),
      partition: event.partition,
      position: event.position,
      reason: `${reason}: ${error}`.slice(0, 500),
    },
    dataversion: 1,
    partitionkey: `projection/${projection.name}`,
    actor: 'system',
    correlationid: event.correlationid,
    causationid: event.id,
  };
}
