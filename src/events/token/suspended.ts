/** A token was taken out of service for a reason that can end. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count, freeText } from '../fields.js';
import { suspensionReason, tokenStanding } from './state.js';

export const tokenSuspended = defineEvent({
  type: 'kirogate.token.suspended',
  version: 1,
  origin: 'control',
  aggregate: 'token',
  summary: 'This token was suspended.',
  schema: z.object({
    reason: suspensionReason,
    /** When it ends by itself (out of credits), else null. */
    until: count.nullable(),
    /** What the upstream or the admin said, cleaned of secrets. */
    message: freeText(500).nullable(),
    previous: tokenStanding,
  }),
  example: {
    reason: 'failures',
    until: null,
    message: 'five failures in a row',
    previous: { status: 'active', reason: null, until: null },
  },
});
