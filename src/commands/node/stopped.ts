/** A node run ends in order. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';

export const recordNodeStopped = defineCommand({
  name: 'node.recordStopped',
  summary: 'Record that a node stopped.',
  input: z.strictObject({
    nodeId: id,
    runId: id.nullable().default(null),
    /** `signal`: asked to; `fault`: gave up. */
    cause: z.enum(['signal', 'fault']).default('signal'),
    uptimeMs: z.int().nonnegative().nullable().default(null),
    /** Requests that were cut because the time to drain ran out. */
    cut: z.int().nonnegative().default(0),
  }),
  load: async () => null,
  decide(_state, { nodeId, ...run }, context) {
    requireStaff(context);
    return { events: [decided('kirogate.node.stopped', `node/${nodeId}`, run)], result: {} };
  },
});
