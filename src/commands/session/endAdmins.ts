/** All admin sessions end, whoever holds them. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';

export const endAdminSessions = defineCommand({
  name: 'session.endAdmins',
  summary: 'End all admin sessions.',
  input: z.strictObject({}),
  load: async () => null,
  decide(_state, _input, context) {
    requireStaff(context);
    return { events: [decided('kirogate.session.admins-ended', 'session/admin', {})], result: {} };
  },
});
