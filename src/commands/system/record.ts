/** The system's own life: facts that need no decision are checked against their type and archived. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { eventType } from '../../events/index.js';
import { requireStaff } from '../actor.js';
import { defineCommand } from '../define.js';

/** What may be recorded as it comes; everything else has a command that decides. */
const recordable = [
  'kirogate.leader.changed',
  'kirogate.store.lost',
  'kirogate.store.recovered',
  'kirogate.migration.started',
  'kirogate.migration.completed',
  'kirogate.migration.failed',
  'kirogate.projection.rebuilt',
  'kirogate.projection.swapped',
  'kirogate.projection.event-parked',
  'kirogate.projection.event-retried',
  'kirogate.projection.event-discarded',
] as const;

/** `id` is the part of the subject behind the aggregate: the store, the office, the migration, the projection. */
export const recordSystemEvent = defineCommand({
  name: 'system.record',
  summary: 'Record what happened to the system itself.',
  input: z.strictObject({ type: z.enum(recordable), id: z.string().min(1).max(200), data: z.unknown() }),
  load: async () => null,
  decide(_state, input, context) {
    requireStaff(context);
    const type = eventType(input.type);
    const data = type?.schema.safeParse(input.data);
    if (type === undefined || data?.success !== true) throw new AppError('invalid_request', { param: 'data', cause: data?.error });
    return { events: [{ type: input.type, subject: `${type.aggregate}/${input.id}`, data: data.data }], result: {} };
  },
});
