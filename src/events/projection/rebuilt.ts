/** A projection was folded anew from the archive into tables of its own. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count } from '../fields.js';

export const projectionRebuilt = defineEvent({
  type: 'kirogate.projection.rebuilt',
  version: 1,
  origin: 'control',
  aggregate: 'projection',
  summary: 'This projection was rebuilt.',
  schema: z.object({
    projection: z.string().max(100),
    version: count,
    events: count,
    durationMs: count,
    /** Are the rebuilt tables equal to the live ones? null: not comparable, the version changed. */
    equal: z.boolean().nullable(),
  }),
  example: { projection: 'activity', version: 1, events: 120_000, durationMs: 2_400, equal: true },
});
