/** Somebody signs out: that one session ends, on every node. */
import { z } from 'zod';
import { requireOwner, requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';

export const endSession = defineCommand({
  name: 'session.end',
  summary: 'Sign out: end one session.',
  /** `userId` null: an admin's session. */
  input: z.strictObject({ session: id, userId: id.nullable() }),
  load: async () => null,
  decide(_state, input, context) {
    if (input.userId === null) requireStaff(context);
    else requireOwner(context, input.userId);
    const subject = input.userId === null ? 'session/admin' : 'session/member';
    return { events: [decided('kirogate.session.ended', subject, input)], result: {} };
  },
});
