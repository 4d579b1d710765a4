/** A token is back in service. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { tokenStanding } from './state.js';

export const tokenResumed = defineEvent({
  type: 'kirogate.token.resumed',
  version: 1,
  origin: 'control',
  aggregate: 'token',
  summary: 'This token was put back into service.',
  schema: z.object({
    /** `admin`: by hand; `check`: a health check passed; `credits`: the reset came. */
    cause: z.enum(['admin', 'check', 'credits']),
    previous: tokenStanding,
  }),
  example: { cause: 'admin', previous: { status: 'suspended', reason: 'failures', until: null } },
});
