/** A member signed in. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { signInMethod } from './state.js';

export const userSignedIn = defineEvent({
  type: 'kirogate.user.signed-in',
  version: 1,
  origin: 'control',
  aggregate: 'user',
  summary: 'This member signed in.',
  schema: z.object({ method: signInMethod }),
  example: { method: 'password' },
});
