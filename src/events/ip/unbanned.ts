/** The ban of an address or range ended. Subject: `ip/<cidr>`. */
import { z } from 'zod';
import { defineEvent } from '../define.js';

export const ipUnbanned = defineEvent({
  type: 'kirogate.ip.unbanned',
  version: 1,
  origin: 'control',
  aggregate: 'ip',
  summary: 'The ban of this address or range was lifted.',
  schema: z.object({ id: z.string(), cidr: z.string().max(50) }),
  example: { id: 'b7n3m9v2c5x8z1q4', cidr: '203.0.113.0/24' },
});
