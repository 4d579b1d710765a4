/** An admin makes a member, active at once. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { requiredText } from '../fields.js';
import { email, password, writePasswordHash } from './passwords.js';
import { emailTaken } from './state.js';

export const createUser = defineCommand({
  name: 'user.create',
  summary: 'Make a member, active at once.',
  input: z.strictObject({ username: requiredText(100), email: email.nullable().optional(), password: password.nullable().optional() }),
  prepare: async (input, { passwords }) => (input.password == null ? null : passwords.hash(input.password)),
  load: async (tx, input) => ({ taken: input.email == null ? false : await emailTaken(tx, input.email) }),
  decide({ taken }, input, context) {
    requireStaff(context);
    if (taken)
      throw new AppError('conflict', {
        message: 'This e-mail address has an account already.',
        param: 'email',
        extra: { reason: 'email_taken' },
      });
    const id = context.ids.short();
    const registered = { username: input.username, email: input.email ?? null, status: 'active' as const, via: 'admin' as const };
    return { events: [decided('kirogate.user.registered', `user/${id}`, registered)], result: { id } };
  },
  async secrets(tx, _input, { id }, { prepared }) {
    if (prepared !== null) await writePasswordHash(tx, id, prepared);
  },
});
