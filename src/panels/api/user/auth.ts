/** Signing up, in and out as a member. */
import { z } from 'zod';
import { email, password, readPasswordHash } from '../../../commands/user/passwords.js';
import { recordUserSignIn } from '../../../commands/user/recordSignIn.js';
import { registerUser } from '../../../commands/user/register.js';
import { AppError } from '../../../errors.js';
import { defineRoute } from '../define.js';
import { requiredText } from '../fields.js';
import { metaOf } from '../meta.js';
import { userIdByEmail } from '../reads/users.js';
import { signOut } from '../signOut.js';
import { profile, profileOf } from './profile.js';

export const authRoutes = [
  defineRoute({
    method: 'post',
    path: '/auth/register',
    access: 'public',
    summary: 'Sign up; where members need approval the new one waits as `pending`.',
    status: 201,
    body: z.strictObject({ username: requiredText(100), email, password }),
    response: z.strictObject({ id: z.string(), status: z.enum(['active', 'pending']) }),
    async handle({ body, address, requestId }, { throttles, commands }) {
      await throttles.register.attempt(address);
      const { id, status } = await commands.execute(registerUser, body, { actor: 'system', correlationId: requestId });
      return { body: { id, status } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/auth/login',
    access: 'public',
    summary: 'Sign in; at most 20 wrong tries per address and minute.',
    status: 200,
    // Not the rules of a new password: a wrong one is wrong, not malformed.
    body: z.strictObject({ email: z.string().max(254), password: z.string().max(1_000) }),
    response: z.strictObject({ id: z.string(), csrfToken: z.string() }),
    async handle({ body, address, requestId }, { db, throttles, passwords, commands, sessions }) {
      const giveBack = await throttles.userLogin.attempt(address);
      const userId = await userIdByEmail(db, body.email.trim().toLowerCase());
      const hash = userId === undefined ? null : await readPasswordHash(db, userId);
      // Costs the same time for an unknown address.
      const right = await passwords.verify(body.password, hash);
      if (!right || userId === undefined || hash === null) throw new AppError('invalid_login');
      giveBack();
      const rehash = passwords.needsRehash(hash) ? { rehash: body.password } : {};
      const { sessionVersion } = await commands.execute(
        recordUserSignIn,
        { userId, method: 'password', ...rehash },
        { actor: `user/${userId}`, correlationId: requestId },
      );
      const { cookie, csrfToken } = sessions.user.issue(userId, sessionVersion);
      return { body: { id: userId, csrfToken }, session: { audience: 'user', set: cookie } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/auth/logout',
    access: 'member',
    summary: 'Sign out: this session ends, whoever holds its cookie.',
    status: 204,
    async handle(request, context) {
      await signOut(request.caller, metaOf(request), context);
      return { session: { audience: 'user', set: null } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/auth/session',
    access: 'member',
    summary: 'Who is signed in, and the CSRF token of the session.',
    status: 200,
    response: z.strictObject({ user: profile, csrfToken: z.string() }),
    handle: async ({ caller }, context) => ({ body: { user: profileOf(caller.userId, context), csrfToken: caller.csrfToken } }),
  }),
];
