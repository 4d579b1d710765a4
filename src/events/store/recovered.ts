/** A store answers again, whole or with a hole that was filled. Subject: `store/<store>`. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count, freeText } from '../fields.js';

export const storeRecovered = defineEvent({
  type: 'kirogate.store.recovered',
  version: 1,
  origin: 'control',
  aggregate: 'store',
  summary: 'A store came back.',
  schema: z.object({
    store: z.enum(['postgres', 'redis']),
    nodeId: z.string(),
    at: count,
    downMs: count,
    /** `same`: nothing lost; `restored`: came back empty or older, what was missing was appended again. */
    outcome: z.enum(['same', 'restored']),
    /** Events appended again. */
    reappended: count,
    message: freeText(500).nullable(),
  }),
  example: { store: 'redis', nodeId: 'node-1', at: 1_795_392_060_000, downMs: 60_000, outcome: 'same', reappended: 0, message: null },
});
