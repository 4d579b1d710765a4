/** An address or range may no longer call. Subject: `ip/<cidr>`. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { freeText } from '../fields.js';

export const ipBanned = defineEvent({
  type: 'kirogate.ip.banned',
  version: 1,
  origin: 'control',
  aggregate: 'ip',
  summary: 'This address or range was banned.',
  schema: z.object({
    /** Names this ban in lists. */
    id: z.string(),
    /** Address or CIDR range in canonical form. */
    cidr: z.string().max(50),
    reason: freeText(500).nullable(),
  }),
  example: { id: 'b7n3m9v2c5x8z1q4', cidr: '203.0.113.0/24', reason: 'credential stuffing' },
});
