/** A credential joined the pool. The secret itself is in the vault only. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { tokenLimits, tokenVisibility } from './state.js';

export const tokenDonated = defineEvent({
  type: 'kirogate.token.donated',
  version: 1,
  origin: 'control',
  aggregate: 'token',
  summary: 'A credential was given to the pool.',
  schema: tokenLimits.extend({
    /** null: belongs to the site. */
    ownerId: z.string().nullable(),
    visibility: tokenVisibility,
    provider: z.string().max(50),
    authType: z.string().max(50),
    region: z.string().max(50).nullable(),
  }),
  example: {
    name: 'team account',
    dailyCap: null,
    allowedModels: null,
    ownerId: 'k3v9x2m7q1w8e4r6',
    visibility: 'public',
    provider: 'kiro',
    authType: 'social',
    region: 'us-east-1',
  },
});
