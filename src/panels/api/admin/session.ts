/** Signing the admin in and out. */
import { z } from 'zod';
import { recordAdminSignIn } from '../../../commands/admin/recordSignIn.js';
import { AppError } from '../../../errors.js';
import { sameText } from '../access.js';
import { defineRoute } from '../define.js';

export const adminSessionRoutes = [
  defineRoute({
    method: 'post',
    path: '/admin/login',
    access: 'public',
    summary: 'Sign in as the admin; at most 20 wrong tries per address and minute.',
    status: 200,
    body: z.strictObject({ password: z.string().max(1_000) }),
    response: z.strictObject({ csrfToken: z.string() }),
    async handle({ body, address, requestId }, { throttles, adminPassword, sessions, commands }) {
      const giveBack = throttles.adminLogin.attempt(address);
      if (adminPassword === '' || !sameText(body.password, adminPassword)) throw new AppError('invalid_login');
      giveBack();
      await commands.execute(recordAdminSignIn, {}, { actor: 'admin', correlationId: requestId });
      const { cookie, csrfToken } = sessions.admin.issue('admin', 0);
      return { body: { csrfToken }, session: { audience: 'admin', set: cookie } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/logout',
    access: 'admin',
    summary: 'Forget the admin session of this browser.',
    status: 204,
    handle: async () => ({ session: { audience: 'admin', set: null } }),
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/session',
    access: 'admin',
    summary: 'Who is signed in, and the CSRF token of the session.',
    status: 200,
    response: z.strictObject({ actor: z.enum(['admin', 'admin-api-key']), csrfToken: z.string().nullable() }),
    handle: async ({ caller }) => ({ body: { actor: caller.actor, csrfToken: caller.csrfToken } }),
  }),
];
