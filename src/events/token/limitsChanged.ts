/** The name, daily cap or model list that an owner sets on a token changed. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { tokenLimits } from './state.js';

export const tokenLimitsChanged = defineEvent({
  type: 'kirogate.token.limits-changed',
  version: 1,
  origin: 'control',
  aggregate: 'token',
  summary: 'The name, daily cap or models of this token were changed.',
  schema: z.object({ from: tokenLimits, to: tokenLimits }),
  example: {
    from: { name: null, dailyCap: null, allowedModels: null },
    to: { name: 'team account', dailyCap: 100, allowedModels: ['claude-sonnet-4.5'] },
  },
});
