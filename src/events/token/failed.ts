/** One failed upstream attempt. Not terminal. */
import { z } from 'zod';
import { defineEvent } from '../define.js';

export const tokenFailed = defineEvent({
  type: 'kirogate.token.failed',
  version: 1,
  origin: 'traffic',
  aggregate: 'token',
  summary: 'An attempt on this token failed.',
  schema: z.object({
    requestId: z.string(),
    attemptId: z.uuid(),
    provider: z.string(),
    model: z.string().max(200),
    /** FailureKind (kiro-protocol B9). */
    failure: z.string(),
    status: z.int().nullable(),
    /** The upstream's own code, if any. */
    reason: z.string().max(200).nullable(),
    message: z.string().max(500),
    startedAt: z.int().nonnegative(),
    respondedAt: z.int().nonnegative().nullable(),
    durationUs: z.int().nonnegative(),
    /** Does it count against the token's health? */
    counts: z.boolean(),
    consecutiveFails: z.int().nonnegative(),
  }),
  example: {
    requestId: '019a5e3c-2f10-7c3e-8f00-1c2d3e4f5a6b',
    attemptId: '019a5e3c-2f11-7a3e-8f00-1c2d3e4f5a6b',
    provider: 'kiro',
    model: 'claude-sonnet-4-5',
    failure: 'transient',
    status: 500,
    reason: null,
    message: 'internal error',
    startedAt: 1_795_392_000_100,
    respondedAt: 1_795_392_000_700,
    durationUs: 600_000,
    counts: true,
    consecutiveFails: 1,
  },
});
