/** The upstream refuses a credential for good. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { freeText } from '../fields.js';
import { tokenStanding } from './state.js';

export const tokenInvalidated = defineEvent({
  type: 'kirogate.token.invalidated',
  version: 1,
  origin: 'control',
  aggregate: 'token',
  summary: 'The credential of this token is dead for good.',
  schema: z.object({
    /** What the upstream said, cleaned of secrets. */
    message: freeText(500),
    previous: tokenStanding,
  }),
  example: { message: 'invalid_grant', previous: { status: 'active', reason: null, until: null } },
});
