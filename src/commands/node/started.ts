/** A node run begins to serve. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';

export const recordNodeStarted = defineCommand({
  name: 'node.recordStarted',
  summary: 'Record that a node started.',
  input: z.strictObject({
    nodeId: id,
    runId: id.nullable().default(null),
    version: z.string().max(50),
    mode: z.enum(['single', 'distributed']),
  }),
  load: async () => null,
  decide(_state, { nodeId, ...run }, context) {
    requireStaff(context);
    return { events: [decided('kirogate.node.started', `node/${nodeId}`, run)], result: {} };
  },
});
