/** A node run began to serve. */
import { z } from 'zod';
import { defineEvent } from '../define.js';

export const nodeStarted = defineEvent({
  type: 'kirogate.node.started',
  version: 1,
  origin: 'control',
  aggregate: 'node',
  summary: 'This node started.',
  schema: z.object({
    version: z.string().max(50),
    mode: z.enum(['single', 'distributed']),
    /** Id of this run of the node, to which its leases belong; null where leases end with the process. */
    runId: z.string().max(100).nullable(),
  }),
  example: { version: '0.1.0', mode: 'single', runId: '019a5e3c-2f10-7c3e-8f00-1c2d3e4f5a6b' },
});
