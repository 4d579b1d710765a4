/** What the site announces: to members everything that is active, to guests what is meant for them too. */
import { z } from 'zod';
import { type Queryable, type SQLQuery, sql } from '../../infra/database/port.js';
import { type Page, pageOf } from '../../projections/page.js';
import { defineRoute } from './define.js';
import { iso, listOf, paging, time } from './fields.js';

const item = z.strictObject({ id: z.string(), content: z.string(), createdAt: time });

interface Stored {
  readonly id: string;
  readonly at: number;
  readonly content: string;
}

const table = sql`(select id, created_at as at, content, active, allow_guest from announcements) as a`;

function shown(
  db: Queryable,
  query: { readonly limit: number; readonly cursor?: string | undefined },
  where: readonly SQLQuery[],
): Promise<Page<z.input<typeof item>>> {
  const isTrue = (column: SQLQuery): SQLQuery => (db.engine === 'sqlite' ? sql`${column} = 1` : column);
  const read = ({ id, at, content }: Stored) => ({ id, content, createdAt: iso(at) });
  return pageOf(db, { ...query, table, columns: sql`id, at, content`, where: where.map(isTrue), read });
}

export const publicAnnouncementRoutes = [
  defineRoute({
    method: 'get',
    path: '/announcements',
    access: 'public',
    summary: 'Announcements for everybody, newest first.',
    status: 200,
    query: z.strictObject(paging),
    response: listOf(item),
    handle: async ({ query }, { db }) => ({ body: await shown(db, query, [sql`active`, sql`allow_guest`]) }),
  }),
  defineRoute({
    method: 'get',
    path: '/user/api/announcements',
    access: 'member',
    summary: 'Announcements for members, newest first.',
    status: 200,
    query: z.strictObject(paging),
    response: listOf(item),
    handle: async ({ query }, { db }) => ({ body: await shown(db, query, [sql`active`]) }),
  }),
];
