/** Readers of a projection were moved to another set of tables. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count } from '../fields.js';

export const projectionSwapped = defineEvent({
  type: 'kirogate.projection.swapped',
  version: 1,
  origin: 'control',
  aggregate: 'projection',
  summary: 'This projection went live with other tables.',
  schema: z.object({
    projection: z.string().max(100),
    from: count,
    to: count,
  }),
  example: { projection: 'activity', from: 1, to: 2 },
});
