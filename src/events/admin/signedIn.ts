/** An admin signed in. Subject: `admin`. */
import { z } from 'zod';
import { defineEvent } from '../define.js';

export const adminSignedIn = defineEvent({
  type: 'kirogate.admin.signed-in',
  version: 1,
  origin: 'control',
  aggregate: 'admin',
  summary: 'An admin signed in.',
  schema: z.object({ method: z.enum(['password']) }),
  example: { method: 'password' },
});
