/** Terminal: the node that served the request died. Made from the open record alone. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { exampleFacts, requestFactsSchema } from './facts.js';

export const requestAbandoned = defineEvent({
  type: 'kirogate.request.abandoned',
  version: 1,
  origin: 'traffic',
  aggregate: 'request',
  summary: 'The node that served the request died before its end.',
  schema: requestFactsSchema.extend({
    period: z.object({ day: z.string(), month: z.string() }),
    charged: z.boolean(),
    metered: z.boolean(),
    tokenId: z.string(),
    attemptId: z.uuid(),
    attempt: z.int().positive(),
  }),
  example: {
    ...exampleFacts,
    status: 500,
    period: { day: '2026-11-23', month: '2026-11' },
    charged: true,
    metered: true,
    tokenId: 'a1b2c3d4e5f6g7h8',
    attemptId: '019a5e3c-2f11-7a3e-8f00-1c2d3e4f5a6b',
    attempt: 1,
  },
});
