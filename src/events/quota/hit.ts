/** A user ran into a quota. */
import { z } from 'zod';
import { defineEvent } from '../define.js';

export const quotaSchema = z.object({
  quota: z.enum(['daily', 'monthly']),
  limit: z.int().nonnegative(),
  used: z.int().nonnegative(),
  /** ms since epoch */
  resetAt: z.int().nonnegative(),
  keyId: z.string().nullable(),
});

export const quotaHit = defineEvent({
  type: 'kirogate.quota.hit',
  version: 1,
  origin: 'traffic',
  aggregate: 'user',
  summary: 'A request of this user was refused because a quota was used up.',
  schema: quotaSchema,
  example: { quota: 'daily', limit: 500, used: 500, resetAt: 1_795_478_400_000, keyId: 'p0o9i8u7y6t5r4e3' },
});

export const quotaWarned = defineEvent({
  type: 'kirogate.quota.warned',
  version: 1,
  origin: 'traffic',
  aggregate: 'user',
  summary: 'This user has used 80 % of a quota.',
  schema: quotaSchema,
  example: { quota: 'daily', limit: 500, used: 400, resetAt: 1_795_478_400_000, keyId: null },
});
