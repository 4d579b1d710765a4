/** Somebody signs up for themselves, as far as the site lets them. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import type { Settings } from '../../shared/settings.js';
import { loadSettings } from '../config/state.js';
import { decided, defineCommand } from '../define.js';
import { requiredText } from '../fields.js';
import { email, password, writePasswordHash } from './passwords.js';
import { emailTaken } from './state.js';

interface State {
  readonly taken: boolean;
  readonly settings: Settings;
}

/** Refuses with `sign_up_closed` while the site is for self-use, `conflict` when the address has an account. */
export const registerUser = defineCommand({
  name: 'user.register',
  summary: 'Sign up.',
  input: z.strictObject({
    username: requiredText(100),
    email,
    /** null: signs in by GitHub or OIDC. */
    password: password.nullable(),
    via: z.enum(['password', 'github', 'oidc']).default('password'),
  }),
  prepare: async (input, { passwords }) => (input.password === null ? null : passwords.hash(input.password)),
  load: async (tx, input, context): Promise<State> => ({
    taken: await emailTaken(tx, input.email),
    settings: (await loadSettings(tx, context.defaults)).merged,
  }),
  decide({ taken, settings }, input, { ids }) {
    if (settings.self_use_enabled) throw new AppError('sign_up_closed');
    if (taken)
      throw new AppError('conflict', {
        message: 'This e-mail address has an account already.',
        param: 'email',
        extra: { reason: 'email_taken' },
      });
    const id = ids.short();
    const status: 'active' | 'pending' = settings.require_approval ? 'pending' : 'active';
    const registered = { username: input.username, email: input.email, status, via: input.via };
    return { events: [decided('kirogate.user.registered', `user/${id}`, registered, `user/${id}`)], result: { id, status } };
  },
  async secrets(tx, _input, { id }, { prepared }) {
    if (prepared !== null) await writePasswordHash(tx, id, prepared);
  },
});
