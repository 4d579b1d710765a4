/** How a member signs in, and a new password of their own. */
import { z } from 'zod';
import { identitiesOf, identityProvider } from '../../../commands/user/identities.js';
import { password, readPasswordHash } from '../../../commands/user/passwords.js';
import { changeOwnPassword } from '../../../commands/user/setPassword.js';
import { AppError } from '../../../errors.js';
import { defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';
import { metaOf } from '../meta.js';

/** The stored hash that `current` opens. Not 401: who is signed in stays so, and only mistook a field. */
async function verified(userId: string, current: string, { db, passwords }: PanelContext): Promise<string> {
  const hash = await readPasswordHash(db, userId);
  if (hash === null)
    throw new AppError('conflict', {
      message: 'This account has no password yet; an admin can set one.',
      extra: { reason: 'no_password' },
    });
  if (!(await passwords.verify(current, hash))) {
    throw new AppError('invalid_request', {
      message: 'current: is not your password',
      param: 'current',
      extra: { reason: 'wrong_password' },
    });
  }
  return hash;
}

export const passwordRoutes = [
  defineRoute({
    method: 'get',
    path: '/user/api/sign-in-ways',
    access: 'member',
    summary: 'How you may sign in: by a password, by providers that you have added.',
    status: 200,
    response: z.strictObject({ password: z.boolean(), providers: z.array(identityProvider) }),
    async handle({ caller: { userId } }, { db }) {
      const [hash, providers] = await Promise.all([readPasswordHash(db, userId), identitiesOf(db, userId)]);
      return { body: { password: hash !== null, providers } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/user/api/password',
    access: 'member',
    summary:
      'Change your password; your other sessions end, this one goes on under a new cookie and CSRF token. At most 20 tries a minute.',
    status: 200,
    // The old one need not keep the rules of a new one.
    body: z.strictObject({ current: z.string().max(1_000), password }),
    response: z.strictObject({ csrfToken: z.string() }),
    async handle(request, context) {
      const { caller, body } = request;
      // By member, so that a stolen session finds no more room at another address; by address as at the sign-in.
      await context.throttles.password.attempt(caller.userId);
      const giveBack = await context.throttles.userLogin.attempt(request.address);
      const hash = await verified(caller.userId, body.current, context);
      giveBack();
      const input = { userId: caller.userId, password: body.password, verified: hash };
      const { sessionVersion } = await context.commands.execute(changeOwnPassword, input, metaOf(request));
      const { cookie, csrfToken } = context.sessions.user.issue(caller.userId, sessionVersion);
      return { body: { csrfToken }, session: { audience: 'user', set: cookie } };
    },
  }),
];
