/** Never admitted. The first per key and reason at once, then one a minute with the count (contract §7). */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { exampleFacts, requestFactsSchema } from './facts.js';

export const requestRefused = defineEvent({
  type: 'kirogate.request.refused',
  version: 1,
  origin: 'traffic',
  aggregate: 'key',
  summary: 'Requests of this key were refused before any upstream was called.',
  schema: requestFactsSchema.extend({
    /** Code of the catalogue, or `client_closed` for one that left while it was paced. */
    code: z.string(),
    /** How many refusals this event stands for. */
    count: z.int().positive(),
    /** Sum over all of them. */
    latencyUs: z.int().nonnegative(),
  }),
  example: { ...exampleFacts, status: 429, code: 'pool_exhausted', count: 1, latencyUs: 900 },
});
