/** Signing the admin in and out. */
import { z } from 'zod';
import { recordAdminSignIn } from '../../../commands/admin/recordSignIn.js';
import { endAdminSessions } from '../../../commands/session/endAdmins.js';
import { AppError } from '../../../errors.js';
import { sameText } from '../access.js';
import { defineRoute } from '../define.js';
import { metaOf } from '../meta.js';
import { signOut } from '../signOut.js';

export const adminSessionRoutes = [
  defineRoute({
    method: 'post',
    path: '/admin/login',
    access: 'public',
    summary: 'Sign in as the admin; at most 20 wrong tries per address and minute.',
    status: 200,
    body: z.strictObject({ password: z.string().max(1_000) }),
    response: z.strictObject({ csrfToken: z.string() }),
    async handle({ body, address, requestId }, { throttles, adminPassword, sessions, commands, directory }) {
      const giveBack = await throttles.adminLogin.attempt(address);
      if (adminPassword === '' || !sameText(body.password, adminPassword)) throw new AppError('invalid_login');
      giveBack();
      await commands.execute(recordAdminSignIn, {}, { actor: 'admin', correlationId: requestId });
      const { cookie, csrfToken } = sessions.admin.issue('admin', directory.sessions.adminVersion());
      return { body: { csrfToken }, session: { audience: 'admin', set: cookie } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/logout',
    access: 'admin',
    summary: 'Sign out: this session ends, whoever holds its cookie.',
    status: 204,
    async handle(request, context) {
      const { sessionId } = request.caller;
      if (sessionId !== null) await signOut({ sessionId, userId: null }, metaOf(request), context);
      return { session: { audience: 'admin', set: null } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/sessions/revoke',
    access: 'admin',
    summary: 'End all admin sessions; that of the caller goes on under a new cookie and CSRF token.',
    status: 200,
    /** null: the caller came with the API key. */
    response: z.strictObject({ csrfToken: z.string().nullable() }),
    async handle(request, { commands, directory, sessions }) {
      await commands.execute(endAdminSessions, {}, metaOf(request));
      if (request.caller.sessionId === null) return { body: { csrfToken: null } };
      const { cookie, csrfToken } = sessions.admin.issue('admin', directory.sessions.adminVersion());
      return { body: { csrfToken }, session: { audience: 'admin', set: cookie } };
    },
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
