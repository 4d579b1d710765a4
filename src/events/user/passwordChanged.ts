/** A member has another password. Neither it nor its hash is told. */
import { z } from 'zod';
import { defineEvent } from '../define.js';

export const userPasswordChanged = defineEvent({
  type: 'kirogate.user.password-changed',
  version: 1,
  origin: 'control',
  aggregate: 'user',
  summary: 'This member got a new password; `sessions-revoked` follows.',
  schema: z.object({
    /** `admin`: set by an admin, who need not know the old one. `member`: changed by the member, who proved that they do. */
    by: z.enum(['admin', 'member']),
  }),
  example: { by: 'member' },
});
