/** The read models: where they stand, rebuilding them, and the events that one of them could not take. */
import { z } from 'zod';
import { recordSystemEvent } from '../../../commands/system/record.js';
import { AppError } from '../../../errors.js';
import { projectionNamed } from '../../../projections/index.js';
import { BuildBusy } from '../../../projections/runner/alone.js';
import { BuildError, type BuildProgress } from '../../../projections/runner/build.js';
import { type RebuildResult, rebuild } from '../../../projections/runner/rebuild.js';
import { type AdminCaller, defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';
import { filterText, iso, listOf, paging, requiredText, time } from '../fields.js';
import { metaOf } from '../meta.js';
import { listParked, type ParkedRow, parkedEvent, projectionStandings } from '../reads/projections.js';

const partition = z.strictObject({
  partition: z.string(),
  position: z.int(),
  head: z.int(),
  lagEvents: z.int(),
  /** Age of the oldest event not folded yet. */
  lagMs: z.int(),
  status: z.enum(['live', 'behind']),
});

/** How far a rebuild on the node that answers is; null: none is under way there. */
const rebuildProgress = z
  .strictObject({ done: z.int(), total: z.int(), eventsPerSecond: z.number(), remainingMs: z.number().nullable() })
  .nullable();

const parkedState = z.enum(['parked', 'retried', 'discarded']);

const parkedItem = z.strictObject({
  id: z.string(),
  projection: z.string(),
  eventId: z.string(),
  type: z.string(),
  subject: z.string(),
  partition: z.string(),
  position: z.int(),
  reason: z.string(),
  error: z.string(),
  state: parkedState,
  at: time,
});

const toItem = (row: ParkedRow): z.input<typeof parkedItem> => ({ ...row, at: iso(row.at) });

/** Rebuilds one projection at a time by name, and records that it was done. */
async function rebuildNamed(name: string, context: PanelContext): Promise<RebuildResult> {
  const projection = projectionNamed(name);
  if (!projection) throw new AppError('not_found');
  if (context.rebuilding.has(name))
    throw new AppError('conflict', { message: `${name} is being rebuilt already.`, extra: { reason: 'rebuild_running' } });
  const note = ({ done, total, eventsPerSecond, remainingMs }: BuildProgress): void =>
    void context.rebuilding.set(name, { done, total, eventsPerSecond, remainingMs });
  note({ done: 0, total: 0, eventsPerSecond: 0, remainingMs: null });
  try {
    return await rebuild({ db: context.db, projection, clock: context.clock, onProgress: note });
  } catch (error) {
    if (error instanceof BuildBusy)
      throw new AppError('conflict', { message: `${name} is being rebuilt already.`, extra: { reason: 'rebuild_running' }, cause: error });
    if (error instanceof BuildError)
      throw new AppError('conflict', { message: `${name} could not be rebuilt; it serves as before.`, cause: error });
    throw error;
  } finally {
    context.rebuilding.delete(name);
  }
}

async function answerParked(
  type: 'kirogate.projection.event-retried' | 'kirogate.projection.event-discarded',
  request: { readonly caller: AdminCaller; readonly requestId: string; readonly params: { readonly id: string } },
  extra: { readonly reason?: string },
  { db, commands }: PanelContext,
): Promise<{ body: z.input<typeof parkedItem> }> {
  const row = await parkedEvent(db, request.params.id);
  if (!row) throw new AppError('not_found');
  if (row.state !== 'parked') throw new AppError('conflict', { message: `This event was ${row.state} already.` });
  const { projection, eventId, type: eventType, subject, partition: where, position } = row;
  const data = { projection, eventId, type: eventType, subject, partition: where, position, ...extra };
  await commands.execute(recordSystemEvent, { type, id: projection, data }, metaOf(request));
  return { body: toItem((await parkedEvent(db, row.id)) ?? row) };
}

export const projectionRoutes = [
  defineRoute({
    method: 'get',
    path: '/admin/api/projections',
    access: 'admin',
    summary: 'Where each read model stands in each partition; `head` counts what waits in the event log as well.',
    status: 200,
    response: z.strictObject({
      items: z.array(
        z.strictObject({
          name: z.string(),
          version: z.int(),
          parked: z.int(),
          rebuild: rebuildProgress,
          partitions: z.array(partition),
        }),
      ),
      nextCursor: z.null(),
    }),
    async handle(_request, { db, clock, unarchived, rebuilding }) {
      const standings = await projectionStandings(db, clock.now(), await unarchived?.());
      const items = standings.map((one) => ({ ...one, rebuild: rebuilding.get(one.name) ?? null, partitions: [...one.partitions] }));
      return { body: { items, nextCursor: null } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/projections/:name/rebuild',
    access: 'admin',
    summary: 'Rebuild a read model from the archive, compare, and swap; answers when it is done. Reading goes on meanwhile.',
    status: 200,
    response: z.strictObject({
      projection: z.string(),
      version: z.int(),
      events: z.int(),
      durationMs: z.int(),
      /** Were the tables equal to the rebuilt ones? null: the version changed. */
      equal: z.boolean().nullable(),
    }),
    async handle(request, context) {
      const { projection, version, from, events, durationMs, equal } = await rebuildNamed(request.params.name, context);
      const record = (type: 'kirogate.projection.rebuilt' | 'kirogate.projection.swapped', data: unknown): Promise<unknown> =>
        context.commands.execute(recordSystemEvent, { type, id: projection, data }, metaOf(request));
      await record('kirogate.projection.rebuilt', { projection, version, events, durationMs, equal });
      if (from !== null && from !== version) await record('kirogate.projection.swapped', { projection, from, to: version });
      return { body: { projection, version, events, durationMs, equal } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/parked-events',
    access: 'admin',
    summary: 'Events that a read model could not take, newest first.',
    status: 200,
    query: z.strictObject({ projection: filterText, state: parkedState.default('parked'), ...paging }),
    response: listOf(parkedItem),
    async handle({ query }, { db }) {
      const { items, nextCursor } = await listParked(db, query);
      return { body: { items: items.map(toItem), nextCursor } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/parked-events/:id/retry',
    access: 'admin',
    summary: 'Let the read model try again; it stays parked, with the new error, when that fails.',
    status: 200,
    response: parkedItem,
    handle: (request, context) => answerParked('kirogate.projection.event-retried', request, {}, context),
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/parked-events/:id/discard',
    access: 'admin',
    summary: 'Give a parked event up for good.',
    status: 200,
    body: z.strictObject({ reason: requiredText(500) }),
    response: parkedItem,
    handle: (request, context) => answerParked('kirogate.projection.event-discarded', request, { reason: request.body.reason }, context),
  }),
];
