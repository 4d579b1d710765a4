/** An admin gave a parked event up for this projection; the archive keeps it. */
import { defineEvent } from '../define.js';
import { freeText } from '../fields.js';
import { eventRef, eventRefExample } from './state.js';

export const projectionEventDiscarded = defineEvent({
  type: 'kirogate.projection.event-discarded',
  version: 1,
  origin: 'control',
  aggregate: 'projection',
  summary: 'A parked event of this projection was given up.',
  schema: eventRef.extend({ reason: freeText(500) }),
  example: { ...eventRefExample, reason: 'made by a broken build' },
});
