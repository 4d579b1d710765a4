/** Members as the admin sees and changes them. */
import { z } from 'zod';
import { quota } from '../../../commands/fields.js';
import { approveUsers } from '../../../commands/user/approve.js';
import { banUsers } from '../../../commands/user/ban.js';
import { createUser } from '../../../commands/user/create.js';
import { email, password } from '../../../commands/user/passwords.js';
import { revokeUserSessions } from '../../../commands/user/revokeSessions.js';
import { setUserPassword } from '../../../commands/user/setPassword.js';
import { setUserQuota } from '../../../commands/user/setQuota.js';
import { unbanUsers } from '../../../commands/user/unban.js';
import { defineRoute } from '../define.js';
import { filterText, ids, iso, isoOrNull, listOf, maybeTime, optionalText, paging, requiredText, time } from '../fields.js';
import { metaOf } from '../meta.js';
import { listUsers, userSorts } from '../reads/users.js';

const status = z.enum(['active', 'pending', 'banned']);

const userItem = z.strictObject({
  id: z.string(),
  username: z.string(),
  email: z.string().nullable(),
  status,
  /** null: the site's default. */
  quotaDaily: z.int().nullable(),
  quotaMonthly: z.int().nullable(),
  createdAt: time,
  requests: z.int(),
  lastUsedAt: maybeTime,
});

const changed = z.strictObject({ changed: z.int().nonnegative() });

/** Commands take 500 ids at once; more go in portions, each durable by itself. */
async function inPortions(all: readonly string[], run: (portion: string[]) => Promise<{ changed: number }>): Promise<{ changed: number }> {
  let sum = 0;
  for (let at = 0; at < all.length; at += 500) sum += (await run(all.slice(at, at + 500))).changed;
  return { changed: sum };
}

export const adminUserRoutes = [
  defineRoute({
    method: 'post',
    path: '/admin/api/users',
    access: 'admin',
    summary: 'Make a member, active at once.',
    status: 201,
    body: z.strictObject({ username: requiredText(100), email: email.nullable().optional(), password: password.nullable().optional() }),
    response: z.strictObject({ id: z.string() }),
    handle: async (request, { commands }) => ({ body: { id: (await commands.execute(createUser, request.body, metaOf(request))).id } }),
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/users',
    access: 'admin',
    summary: 'Members; `q` looks into name, e-mail address and id.',
    status: 200,
    query: z.strictObject({ status: status.optional(), q: filterText, sort: z.enum(userSorts).default('newest'), ...paging }),
    response: listOf(userItem),
    async handle({ query }, { db }) {
      const { items, nextCursor } = await listUsers(db, query);
      return {
        body: {
          items: items.map((user) => ({ ...user, createdAt: iso(user.createdAt), lastUsedAt: isoOrNull(user.lastUsedAt) })),
          nextCursor,
        },
      };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/users/batch-approve',
    access: 'admin',
    summary: 'Approve waiting members.',
    status: 200,
    body: z.strictObject({ ids }),
    response: changed,
    handle: async (request, { commands }) => ({
      body: await inPortions(request.body.ids, (portion) => commands.execute(approveUsers, { ids: portion }, metaOf(request))),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/users/batch-ban',
    access: 'admin',
    summary: 'Ban members: their sessions and keys are refused at once.',
    status: 200,
    body: z.strictObject({ ids, reason: optionalText(500).nullable().optional() }),
    response: changed,
    handle: async (request, { commands }) => ({
      body: await inPortions(request.body.ids, (portion) =>
        commands.execute(banUsers, { ids: portion, reason: request.body.reason }, metaOf(request)),
      ),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/users/batch-unban',
    access: 'admin',
    summary: 'Lift bans of members.',
    status: 200,
    body: z.strictObject({ ids }),
    response: changed,
    handle: async (request, { commands }) => ({
      body: await inPortions(request.body.ids, (portion) => commands.execute(unbanUsers, { ids: portion }, metaOf(request))),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/users/:id/revoke-sessions',
    access: 'admin',
    summary: 'End all sessions of a member.',
    status: 204,
    async handle(request, { commands }) {
      await commands.execute(revokeUserSessions, { userId: request.params.id }, metaOf(request));
      return {};
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/users/:id/password',
    access: 'admin',
    summary: 'Give a member a new password, for who has lost the old one or came without one that works; all their sessions end.',
    status: 204,
    body: z.strictObject({ password }),
    async handle(request, { commands }) {
      await commands.execute(setUserPassword, { userId: request.params.id, password: request.body.password }, metaOf(request));
      return {};
    },
  }),
  defineRoute({
    method: 'put',
    path: '/admin/api/users/:id/quota',
    access: 'admin',
    summary: 'Set quotas of a member; null goes back to the default, absent stays.',
    status: 200,
    body: z.strictObject({ daily: quota.nullable().optional(), monthly: quota.nullable().optional() }),
    response: z.strictObject({ daily: z.int().nullable(), monthly: z.int().nullable() }),
    handle: async (request, { commands }) => ({
      body: await commands.execute(setUserQuota, { userId: request.params.id, ...request.body }, metaOf(request)),
    }),
  }),
];
