/** A projection could not take an event, put it aside and went on. */
import { defineEvent } from '../define.js';
import { freeText } from '../fields.js';
import { eventRef, eventRefExample } from './state.js';

export const projectionEventParked = defineEvent({
  type: 'kirogate.projection.event-parked',
  version: 1,
  origin: 'control',
  aggregate: 'projection',
  summary: 'This projection parked an event.',
  schema: eventRef.extend({ reason: freeText(500) }),
  example: { ...eventRefExample, reason: 'usage.inputTokens: expected number' },
});
