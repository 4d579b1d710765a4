/** Somebody became a member. The only event that holds an e-mail address: the read model of users needs it. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { freeText } from '../fields.js';
import { userStatus } from './state.js';

export const userRegistered = defineEvent({
  type: 'kirogate.user.registered',
  version: 1,
  origin: 'control',
  aggregate: 'user',
  summary: 'This member was registered.',
  schema: z.object({
    username: freeText(100),
    email: z.string().max(254).nullable(),
    status: userStatus.exclude(['banned']),
    /** `admin`: made by an admin; else how the member signed up. */
    via: z.enum(['admin', 'password', 'github', 'oidc']),
  }),
  example: { username: 'ada', email: 'ada@example.com', status: 'active', via: 'password' },
});
