/** The installation's own life: its nodes and stores, how far its read models are behind, and what became of them. */
import { z } from 'zod';
import { clusterEventTypes, listClusterHistory } from '../../../projections/history.js';
import { defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';
import { iso, listOf, paging, time } from '../fields.js';
import { projectionStandings } from '../reads/projections.js';

const node = z.strictObject({
  id: z.string(),
  healthy: z.boolean(),
  startedAt: time,
  connections: z.int(),
  requestsLastMinute: z.int(),
  leader: z.boolean(),
});

const partition = z.strictObject({
  partition: z.string(),
  /** Events that the read model furthest behind lacks. */
  lagEvents: z.int(),
  lagMs: z.int(),
});

/** null: this installation has none. */
const storeState = z.enum(['connected', 'disconnected']).nullable();

type Partition = z.input<typeof partition>;

async function partitionLags({ db, clock, unarchived }: PanelContext): Promise<Partition[]> {
  const worst = new Map<string, Partition>();
  for (const { partitions } of await projectionStandings(db, clock.now(), await unarchived?.())) {
    for (const { partition: name, lagEvents, lagMs } of partitions) {
      const known = worst.get(name);
      worst.set(name, {
        partition: name,
        lagEvents: Math.max(lagEvents, known?.lagEvents ?? 0),
        lagMs: Math.max(lagMs, known?.lagMs ?? 0),
      });
    }
  }
  return [...worst.values()];
}

/** This node has just asked the database who calls: it is there. */
function storesNow({ db, stores }: PanelContext): { postgres: z.input<typeof storeState>; redis: z.input<typeof storeState> } {
  const redis = stores?.().redis;
  return {
    postgres: db.engine === 'postgres' ? 'connected' : null,
    redis: redis === undefined ? null : redis ? 'connected' : 'disconnected',
  };
}

export const clusterRoutes = [
  defineRoute({
    method: 'get',
    path: '/admin/api/cluster',
    access: 'admin',
    summary: 'The nodes of this installation, its stores as this node sees them, and how far read models are behind.',
    status: 200,
    response: z.strictObject({
      nodes: z.array(node),
      partitions: z.array(partition),
      stores: z.strictObject({ postgres: storeState, redis: storeState }),
    }),
    async handle(_request, context) {
      const [nodes, partitions] = await Promise.all([context.nodes(), partitionLags(context)]);
      const shown = nodes.map(({ settingsPosition: _position, startedAt, ...rest }) => ({ ...rest, startedAt: iso(startedAt) }));
      return { body: { nodes: shown, partitions, stores: storesNow(context) } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/cluster/history',
    access: 'admin',
    summary: 'Stores lost and back, leaders, nodes that came and went, newest first.',
    status: 200,
    query: z.strictObject(paging),
    response: listOf(
      z.strictObject({
        id: z.string(),
        at: time,
        type: z.enum(clusterEventTypes),
        /** For example `store/redis` or `node/node-1`. */
        subject: z.string(),
        details: z.record(z.string(), z.unknown()),
      }),
    ),
    async handle({ query }, { db }) {
      const { items, nextCursor } = await listClusterHistory(db, query);
      return { body: { items: items.map((item) => ({ ...item, details: { ...item.details }, at: iso(item.at) })), nextCursor } };
    },
  }),
];
