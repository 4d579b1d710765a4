/** A token left the pool; its secret is deleted in the same transaction. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { freeText } from '../fields.js';
import { tokenVisibility } from './state.js';

export const tokenRemoved = defineEvent({
  type: 'kirogate.token.removed',
  version: 1,
  origin: 'control',
  aggregate: 'token',
  summary: 'This token was removed and its secret deleted.',
  schema: z.object({
    ownerId: z.string().nullable(),
    visibility: tokenVisibility,
    provider: z.string().max(50),
    name: freeText(100).nullable(),
  }),
  example: { ownerId: 'k3v9x2m7q1w8e4r6', visibility: 'public', provider: 'kiro', name: 'team account' },
});
