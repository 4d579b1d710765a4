/** Announcements to members and guests. */
import { z } from 'zod';
import { changeAnnouncement } from '../../../commands/announcement/change.js';
import { publishAnnouncement } from '../../../commands/announcement/publish.js';
import { removeAnnouncement } from '../../../commands/announcement/remove.js';
import { sql } from '../../../infra/database/port.js';
import { pageOf } from '../../../projections/page.js';
import { defineRoute } from '../define.js';
import { iso, listOf, paging, requiredText, time } from '../fields.js';
import { metaOf } from '../meta.js';

interface Stored {
  readonly id: string;
  readonly at: number;
  readonly content: string;
  readonly active: unknown;
  readonly allow_guest: unknown;
}

const announcement = { content: requiredText(10_000), active: z.boolean(), allowGuest: z.boolean() };

export const announcementRoutes = [
  defineRoute({
    method: 'get',
    path: '/admin/api/announcements',
    access: 'admin',
    summary: 'Announcements, newest first.',
    status: 200,
    query: z.strictObject(paging),
    response: listOf(
      z.strictObject({ id: z.string(), content: z.string(), active: z.boolean(), allowGuest: z.boolean(), createdAt: time }),
    ),
    async handle({ query }, { db }) {
      const page = await pageOf(db, {
        ...query,
        table: sql`(select id, created_at as at, content, active, allow_guest from announcements) as a`,
        where: [],
        read: ({ id, at, content, active, allow_guest }: Stored) => ({
          id,
          content,
          active: Boolean(active),
          allowGuest: Boolean(allow_guest),
          createdAt: iso(at),
        }),
      });
      return { body: page };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/announcements',
    access: 'admin',
    summary: 'Write an announcement; shown to members, with `allowGuest` to everybody.',
    status: 201,
    body: z.strictObject({ content: announcement.content, active: z.boolean().optional(), allowGuest: z.boolean().optional() }),
    response: z.strictObject({ id: z.string() }),
    handle: async (request, { commands }) => ({
      body: { id: (await commands.execute(publishAnnouncement, request.body, metaOf(request))).id },
    }),
  }),
  defineRoute({
    method: 'patch',
    path: '/admin/api/announcements/:id',
    access: 'admin',
    summary:
      'Edit, show or hide an announcement; with `expected`, only while it is still so: else 409, with what it says now as `current`.',
    status: 200,
    body: z
      .strictObject(announcement)
      .partial()
      .extend({
        /** As GET answered it: nothing is cleaned before it is compared. */
        expected: z
          .strictObject({ ...announcement, content: z.string().max(10_000) })
          .partial()
          .optional(),
      }),
    response: z.strictObject({ content: z.string(), active: z.boolean(), allowGuest: z.boolean() }),
    handle: async (request, { commands }) => ({
      body: await commands.execute(changeAnnouncement, { id: request.params.id, ...request.body }, metaOf(request)),
    }),
  }),
  defineRoute({
    method: 'delete',
    path: '/admin/api/announcements/:id',
    access: 'admin',
    summary: 'Delete an announcement.',
    status: 204,
    async handle(request, { commands }) {
      await commands.execute(removeAnnouncement, { id: request.params.id }, metaOf(request));
      return {};
    },
  }),
];
