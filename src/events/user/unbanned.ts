/** A ban was lifted. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { userStatus } from './state.js';

export const userUnbanned = defineEvent({
  type: 'kirogate.user.unbanned',
  version: 1,
  origin: 'control',
  aggregate: 'user',
  summary: 'The ban of this member was lifted.',
  schema: z.object({ from: userStatus, to: userStatus }),
  example: { from: 'banned', to: 'active' },
});
