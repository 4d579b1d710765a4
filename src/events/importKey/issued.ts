/** A key for bulk donation by script was made. Its hash is in the vault only. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { freeText } from '../fields.js';

export const importKeyIssued = defineEvent({
  type: 'kirogate.import-key.issued',
  version: 1,
  origin: 'control',
  aggregate: 'import-key',
  summary: 'This import key was issued.',
  schema: z.object({
    name: freeText(100),
    prefix: z.string().max(20),
    /** Whose tokens it donates; null: the site. */
    userId: z.string().nullable(),
  }),
  example: { name: 'nightly import', prefix: 'ik-Ab3dE6gH', userId: null },
});
