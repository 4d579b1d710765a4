/** A token rests for a while. */
import { z } from 'zod';
import { defineEvent } from '../define.js';

export const tokenCooledDown = defineEvent({
  type: 'kirogate.token.cooled-down',
  version: 1,
  origin: 'traffic',
  aggregate: 'token',
  summary: 'This token was given a rest.',
  schema: z.object({ until: z.int().nonnegative(), reason: z.enum(['failures', 'risk']), consecutiveFails: z.int().nonnegative() }),
  example: { until: 1_795_392_300_000, reason: 'failures', consecutiveFails: 2 },
});
