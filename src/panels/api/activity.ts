/** Requests as they ended: for the admin over everybody, for a member over their own. */
import { z } from 'zod';
import { type ActivityItem, listActivity } from '../../projections/activity.js';
import { defineRoute } from './define.js';
import { filterText, iso, listOf, paging, queryTime, time } from './fields.js';

const httpStatus = z
  .string()
  .regex(/^[1-5]\d\d$/, 'must be an HTTP status')
  .transform(Number)
  .meta({ type: 'integer', minimum: 100, maximum: 599 });

const filters = { model: filterText, status: httpStatus.optional(), from: queryTime.optional(), to: queryTime.optional(), ...paging };

const memberItem = z.strictObject({
  id: z.string(),
  at: time,
  startedAt: time,
  requestId: z.string(),
  outcome: z.enum(['completed', 'failed', 'cancelled', 'abandoned', 'refused']),
  keyId: z.string().nullable(),
  endpoint: z.string(),
  model: z.string(),
  stream: z.boolean(),
  status: z.int(),
  code: z.string().nullable(),
  message: z.string().nullable(),
  /** Requests this row stands for: more than 1 for refusals that came together. */
  count: z.int(),
  latencyMs: z.number(),
  firstOutputMs: z.number().nullable(),
  usage: z
    .strictObject({
      inputTokens: z.int(),
      outputTokens: z.int(),
      cacheReadTokens: z.int(),
      cacheWriteTokens: z.int(),
      /** Estimated by us, or metered by the upstream. */
      estimated: z.boolean(),
      microCredits: z.int().nullable(),
    })
    .nullable(),
  charged: z.boolean(),
});
const adminItem = memberItem.extend({ userId: z.string().nullable(), tokenId: z.string().nullable(), attempts: z.int() });

function toMemberItem(item: ActivityItem): z.input<typeof memberItem> {
  // Which pooled token served whom is the pool's business.
  const { userId: _userId, tokenId: _tokenId, attempts: _attempts, ...rest } = item;
  return { ...rest, at: iso(item.at), startedAt: iso(item.startedAt) };
}

function toAdminItem(item: ActivityItem): z.input<typeof adminItem> {
  return { ...item, at: iso(item.at), startedAt: iso(item.startedAt) };
}

export const activityRoutes = [
  defineRoute({
    method: 'get',
    path: '/admin/api/activity',
    access: 'admin',
    summary: 'Requests of everybody, newest first.',
    status: 200,
    query: z.strictObject({ userId: filterText, ...filters }),
    response: listOf(adminItem),
    async handle({ query }, { db }) {
      const { items, nextCursor } = await listActivity(db, query);
      return { body: { items: items.map(toAdminItem), nextCursor } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/user/api/activity',
    access: 'member',
    summary: 'Your requests, newest first.',
    status: 200,
    query: z.strictObject(filters),
    response: listOf(memberItem),
    async handle({ query, caller }, { db }) {
      const { items, nextCursor } = await listActivity(db, { ...query, userId: caller.userId });
      return { body: { items: items.map(toMemberItem), nextCursor } };
    },
  }),
];
