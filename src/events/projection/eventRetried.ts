/** A parked event was taken after all. It counts from the position of this event, also in a rebuild. */
import { defineEvent } from '../define.js';
import { eventRef, eventRefExample } from './state.js';

export const projectionEventRetried = defineEvent({
  type: 'kirogate.projection.event-retried',
  version: 1,
  origin: 'control',
  aggregate: 'projection',
  summary: 'This projection took a parked event.',
  schema: eventRef,
  example: eventRefExample,
});
