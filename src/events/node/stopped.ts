/** A node run ended in order. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count } from '../fields.js';

export const nodeStopped = defineEvent({
  type: 'kirogate.node.stopped',
  version: 1,
  origin: 'control',
  aggregate: 'node',
  summary: 'This node stopped.',
  schema: z.object({
    runId: z.string().max(100).nullable(),
    /** `signal`: asked to; `fault`: gave up. */
    cause: z.enum(['signal', 'fault']),
    uptimeMs: count.nullable(),
    /** Requests that were cut because the time to drain ran out. */
    cut: count,
  }),
  example: { runId: '019a5e3c-2f10-7c3e-8f00-1c2d3e4f5a6b', cause: 'signal', uptimeMs: 86_400_000, cut: 0 },
});
