/** What a member is told: a token of theirs stopped, a quota runs out. */
import { z } from 'zod';
import { readNotifications } from '../../../commands/notification/read.js';
import { listNotifications } from '../../../projections/notifications.js';
import { defineRoute } from '../define.js';
import { iso, listOf, paging, time } from '../fields.js';
import { metaOf } from '../meta.js';
import { noticeFacts, withFacts } from './noticeFacts.js';

const item = z.strictObject({
  id: z.string(),
  type: z.enum(['token_suspended', 'token_invalid', 'quota_warning']),
  message: z.string(),
  read: z.boolean(),
  at: time,
  tokenId: z.string().nullable(),
  /** What it is about; null: that is not known. */
  data: noticeFacts,
});

const changed = z.strictObject({ changed: z.int() });

export const notificationRoutes = [
  defineRoute({
    method: 'get',
    path: '/user/api/notifications',
    access: 'member',
    summary: 'Your notifications, newest first.',
    status: 200,
    query: z.strictObject({ unread: z.enum(['true', 'false']).optional(), ...paging }),
    response: listOf(item),
    async handle({ query, caller }, context) {
      const { unread, ...page } = query;
      const { items, nextCursor } = await listNotifications(context.db, { ...page, userId: caller.userId, unreadOnly: unread === 'true' });
      return { body: { items: (await withFacts(items, context)).map((one) => ({ ...one, at: iso(one.at) })), nextCursor } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/user/api/notifications/read-all',
    access: 'member',
    summary: 'Mark all your notifications as read.',
    status: 200,
    response: changed,
    async handle(request, { commands }) {
      return { body: await commands.execute(readNotifications, { userId: request.caller.userId, ids: 'all' }, metaOf(request)) };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/user/api/notifications/:id/read',
    access: 'member',
    summary: 'Mark one of your notifications as read.',
    status: 200,
    response: changed,
    async handle(request, { commands }) {
      return {
        body: await commands.execute(readNotifications, { userId: request.caller.userId, ids: [request.params.id] }, metaOf(request)),
      };
    },
  }),
];
