/** An admin gave a member other quotas. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { userQuota } from './state.js';

export const userQuotaChanged = defineEvent({
  type: 'kirogate.user.quota-changed',
  version: 1,
  origin: 'control',
  aggregate: 'user',
  summary: 'The quotas of this member were changed.',
  schema: z.object({ from: userQuota, to: userQuota }),
  example: { from: { daily: null, monthly: null }, to: { daily: 1000, monthly: null } },
});
