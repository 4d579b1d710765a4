/** How events about projections name an archived event. */
import { z } from 'zod';
import { count } from '../fields.js';

export const eventRef = z.object({
  projection: z.string().max(100),
  eventId: z.uuid(),
  type: z.string().max(200),
  subject: z.string().max(300),
  partition: z.string().max(20),
  position: count,
});

export const eventRefExample = {
  projection: 'activity',
  eventId: '019a5e3c-2f10-7c3e-8f00-1c2d3e4f5a6b',
  type: 'kirogate.token.used',
  subject: 'token/a1b2c3d4e5f6g7h8',
  partition: 'p3',
  position: 4711,
};
