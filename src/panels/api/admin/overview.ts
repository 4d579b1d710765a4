/** The installation in figures, and who changed what. */
import { z } from 'zod';
import { listAudit } from '../../../projections/audit.js';
import { requestMetrics } from '../../../projections/requestQueries.js';
import { requestSeries } from '../../../projections/requestSeries.js';
import { defineRoute } from '../define.js';
import { eventName } from '../eventName.js';
import { filterText, iso, listOf, paging, queryTime, time } from '../fields.js';

const counts = z.record(z.string(), z.int());
const ms = z.number().nullable();

const auditItem = z.strictObject({
  id: z.string(),
  at: time,
  actor: z.string(),
  /** The event type. */
  type: z.string(),
  targetType: z.string(),
  targetId: z.string(),
  details: z.record(z.string(), z.unknown()),
});

export const overviewRoutes = [
  defineRoute({
    method: 'get',
    path: '/admin/api/metrics',
    access: 'admin',
    summary: 'Generation requests of the whole cluster over a window; refused ones count.',
    status: 200,
    query: z.strictObject({ window: z.enum(['1m', '1h', '24h', 'all']).default('all') }),
    response: z.strictObject({
      totalRequests: z.int(),
      successRate: z.number().min(0).max(1),
      /** null: no request. */
      latencyMs: z.strictObject({ avg: ms, p50: ms, p95: ms, p99: ms }),
      byModel: counts,
      byStatus: counts,
      byEndpoint: counts,
      byErrorType: counts,
      modelTokens: z.record(z.string(), z.strictObject({ input: z.int(), output: z.int() })),
    }),
    handle: async ({ query }, { db, clock }) => ({ body: await requestMetrics(db, query.window, clock.now()) }),
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/metrics/series',
    access: 'admin',
    summary: 'Requests over time, oldest first: 60 minutes, 96 quarters of an hour or 168 hours.',
    status: 200,
    query: z.strictObject({ window: z.enum(['1h', '24h', '7d']).default('1h') }),
    response: z.strictObject({
      /** Width of a step. */
      stepMs: z.int(),
      points: z.array(
        z.strictObject({
          /** Start of the step. */
          at: time,
          requests: z.int(),
          /** Those that did not complete, refused ones included. */
          failed: z.int(),
          /** ms; null: no request. */
          p50: ms,
          p95: ms,
        }),
      ),
    }),
    async handle({ query }, { db, clock }) {
      const { stepMs, points } = await requestSeries(db, query.window, clock.now());
      return { body: { stepMs, points: points.map((point) => ({ ...point, at: iso(point.at) })) } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/audit',
    access: 'admin',
    summary: 'What admins and members changed, newest first.',
    status: 200,
    query: z.strictObject({
      type: eventName.optional(),
      actor: filterText,
      from: queryTime.optional(),
      to: queryTime.optional(),
      ...paging,
    }),
    response: listOf(auditItem),
    async handle({ query }, { db }) {
      const { items, nextCursor } = await listAudit(db, query);
      return { body: { items: items.map((item) => ({ ...item, details: { ...item.details }, at: iso(item.at) })), nextCursor } };
    },
  }),
];
