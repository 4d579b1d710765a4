/** Every admin session that began before this event is refused from now on. Subject: `session/admin`. */
import { z } from 'zod';
import { defineEvent } from '../define.js';

export const adminSessionsEnded = defineEvent({
  type: 'kirogate.session.admins-ended',
  version: 1,
  origin: 'control',
  aggregate: 'session',
  summary: 'All admin sessions were ended.',
  schema: z.object({}),
  example: {},
});
