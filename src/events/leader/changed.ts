/** Another node holds an office of the cluster. Subject: `leader/<office>`. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count } from '../fields.js';

export const leaderChanged = defineEvent({
  type: 'kirogate.leader.changed',
  version: 1,
  origin: 'control',
  aggregate: 'leader',
  summary: 'The leader changed.',
  schema: z.object({
    office: z.string().max(100),
    /** Node ids; null: nobody. */
    from: z.string().nullable(),
    to: z.string().nullable(),
    /** Rises with every change, so that a leader of an older term knows it is one no more. */
    term: count,
  }),
  example: { office: 'health_checker', from: null, to: 'node-1', term: 1 },
});
