/** A health check looked at a token: refresh, plan and limits, never a completion. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count, freeText } from '../fields.js';

export const tokenChecked = defineEvent({
  type: 'kirogate.token.checked',
  version: 1,
  origin: 'control',
  aggregate: 'token',
  summary: 'This token was checked.',
  schema: z.object({
    ok: z.boolean(),
    /** FailureKind of the upstream (kiro-protocol B9), or null when it passed. */
    failure: z.string().max(50).nullable(),
    message: freeText(500).nullable(),
    plan: freeText(100).nullable(),
    creditsUsed: z.number().nonnegative().nullable(),
    creditsLimit: z.number().nonnegative().nullable(),
    /** When the credits come back. */
    resetAt: count.nullable(),
    durationUs: count,
  }),
  example: {
    ok: true,
    failure: null,
    message: null,
    plan: 'KIRO PRO',
    creditsUsed: 120.5,
    creditsLimit: 1000,
    resetAt: 1_796_083_200_000,
    durationUs: 412_000,
  },
});
