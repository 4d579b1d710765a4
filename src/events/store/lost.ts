/** A node lost a store. Subject: `store/<store>`. Recorded as soon as it can be. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count, freeText } from '../fields.js';

export const storeLost = defineEvent({
  type: 'kirogate.store.lost',
  version: 1,
  origin: 'control',
  aggregate: 'store',
  summary: 'A store was lost.',
  schema: z.object({
    store: z.enum(['postgres', 'redis']),
    nodeId: z.string(),
    at: count,
    /** Host, port and reason; never a password. */
    message: freeText(500),
  }),
  example: { store: 'redis', nodeId: 'node-1', at: 1_795_392_000_000, message: 'connect ECONNREFUSED 10.0.0.5:6379' },
});
