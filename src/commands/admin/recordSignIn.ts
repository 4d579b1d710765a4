/** An admin has given the right password. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';

export const recordAdminSignIn = defineCommand({
  name: 'admin.recordSignIn',
  summary: 'Record that an admin signed in.',
  input: z.strictObject({}),
  load: async () => null,
  decide(_state, _input, context) {
    requireStaff(context);
    return { events: [decided('kirogate.admin.signed-in', 'admin', { method: 'password' }, 'admin')], result: {} };
  },
});
