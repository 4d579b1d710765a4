/** A key for bulk donation ended for good. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { freeText } from '../fields.js';

export const importKeyRevoked = defineEvent({
  type: 'kirogate.import-key.revoked',
  version: 1,
  origin: 'control',
  aggregate: 'import-key',
  summary: 'This import key was revoked.',
  schema: z.object({ name: freeText(100), prefix: z.string().max(20) }),
  example: { name: 'nightly import', prefix: 'ik-Ab3dE6gH' },
});
