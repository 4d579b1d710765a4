/** A waiting member may use the site. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { userStatus } from './state.js';

export const userApproved = defineEvent({
  type: 'kirogate.user.approved',
  version: 1,
  origin: 'control',
  aggregate: 'user',
  summary: 'This member was approved.',
  schema: z.object({ from: userStatus, to: userStatus }),
  example: { from: 'pending', to: 'active' },
});
