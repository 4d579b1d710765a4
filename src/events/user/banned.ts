/** A member may no longer use the site. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { freeText } from '../fields.js';
import { userStatus } from './state.js';

export const userBanned = defineEvent({
  type: 'kirogate.user.banned',
  version: 1,
  origin: 'control',
  aggregate: 'user',
  summary: 'This member was banned.',
  schema: z.object({ from: userStatus, to: userStatus, reason: freeText(500).nullable() }),
  example: { from: 'active', to: 'banned', reason: null },
});
