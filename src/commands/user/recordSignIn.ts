/** A member has proved who they are. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireOwner } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';
import { writePasswordHash } from './passwords.js';
import { loadUser, type UserState } from './state.js';

/**
 * The caller has verified the password or the provider's answer. `rehash`: the password, when its stored hash
 * is of an older kind. Refuses banned members.
 */
export const recordUserSignIn = defineCommand({
  name: 'user.recordSignIn',
  summary: 'Record that a member signed in.',
  input: z.strictObject({ userId: id, method: z.enum(['password', 'github', 'oidc']), rehash: z.string().max(1_000).optional() }),
  prepare: async (input, { passwords }) => (input.rehash === undefined ? null : passwords.hash(input.rehash)),
  load: (tx, input) => loadUser(tx, input.userId),
  decide(user: UserState | undefined, input, context) {
    requireOwner(context, input.userId);
    if (user === undefined) throw new AppError('not_found');
    if (user.status === 'banned') throw new AppError('user_banned');
    const events = [decided('kirogate.user.signed-in', `user/${user.id}`, { method: input.method }, `user/${user.id}`)];
    return { events, result: { sessionVersion: user.sessionVersion, status: user.status } };
  },
  async secrets(tx, input, _result, { prepared }) {
    if (prepared !== null) await writePasswordHash(tx, input.userId, prepared);
  },
});
