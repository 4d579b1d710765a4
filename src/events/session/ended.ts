/** Somebody signed out: this one session is refused from now on. Subject: `session/admin` or `session/member`. */
import { z } from 'zod';
import { defineEvent } from '../define.js';

export const sessionEnded = defineEvent({
  type: 'kirogate.session.ended',
  version: 1,
  origin: 'control',
  aggregate: 'session',
  summary: 'Somebody signed out, and that session ended.',
  schema: z.object({
    /** A hash that names the session and opens nothing. */
    session: z.string().max(64),
    /** null: an admin's. */
    userId: z.string().max(64).nullable(),
  }),
  example: { session: 'q0c2VyY2lzZXMtYSBoYXNoIQ', userId: 'u9fK2mQx7TbLw3Zr' },
});
