/** Every session of a member that is older than this event is refused from now on. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count } from '../fields.js';

export const userSessionsRevoked = defineEvent({
  type: 'kirogate.user.sessions-revoked',
  version: 1,
  origin: 'control',
  aggregate: 'user',
  summary: 'All sessions of this member were revoked.',
  schema: z.object({
    /** The version that new sessions carry; sessions of other versions are refused. */
    from: count,
    to: count,
  }),
  example: { from: 1, to: 2 },
});
