/** The event that tells of a parked one. */
import { expect, it } from 'vitest';
import { eventType } from '../../events/index.js';
import { createTestClock } from '../../limits/testing/fixtures.js';
import { createIds } from '../../shared/ids.js';
import { use } from '../use.js';
import type { Poison } from './fold.js';
import { parkedEventMaker } from './parkedEvent.js';

const event: Poison['event'] = {
  id: '019a5e3c-2f10-7c3e-8f00-1c2d3e4f5a6b',
  type: 'kirogate.token.used',
  source: '/kirogate/nodes/n1',
  subject: 'token/t1',
  time: 1_800_000_000_000,
  data: {},
  dataversion: 99,
  partitionkey: 'token/t1',
  actor: 'system',
  correlationid: null,
  causationid: null,
  partition: 'p3',
  position: 7,
} as Poison['event'];

it.each([event.id, 'not-a-uuid', 'x'.repeat(128)])('can itself be read, also where the entry has the id %s', (id) => {
  const clock = createTestClock();
  const make = parkedEventMaker(createIds(clock), clock);
  const made = make({ projection: use, event: { ...event, id }, reason: 'unreadable', error: 'no upcaster' } as Poison);
  const read = eventType(made.type)?.schema.safeParse(made.data);
  expect(read?.success).toBe(true);
  expect(read?.data).toMatchObject({ partition: 'p3', position: 7, ...(id === event.id && { eventId: id }) });
});
