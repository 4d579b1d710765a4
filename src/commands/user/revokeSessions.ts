/** All sessions of a member end: by an admin, or by the member. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireOwner } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';
import { loadUser, type UserState } from './state.js';

export const revokeUserSessions = defineCommand({
  name: 'user.revokeSessions',
  summary: 'End all sessions of a member.',
  input: z.strictObject({ userId: id }),
  load: (tx, input) => loadUser(tx, input.userId),
  decide(user: UserState | undefined, input, context) {
    requireOwner(context, input.userId);
    if (user === undefined) throw new AppError('not_found');
    const to = user.sessionVersion + 1;
    const revoked = decided('kirogate.user.sessions-revoked', `user/${user.id}`, { from: user.sessionVersion, to });
    return { events: [revoked], result: { sessionVersion: to } };
  },
});
