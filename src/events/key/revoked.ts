/** A client key ended for good. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { freeText } from '../fields.js';

export const keyRevoked = defineEvent({
  type: 'kirogate.key.revoked',
  version: 1,
  origin: 'control',
  aggregate: 'key',
  summary: 'This key was revoked.',
  schema: z.object({ userId: z.string(), name: freeText(100), prefix: z.string().max(20) }),
  example: { userId: 'k3v9x2m7q1w8e4r6', name: 'laptop', prefix: 'sk-Ab3dE6gH' },
});
