/** A member has seen notifications. */
import { z } from 'zod';
import { defineEvent } from '../define.js';

export const notificationRead = defineEvent({
  type: 'kirogate.notification.read',
  version: 1,
  origin: 'control',
  aggregate: 'user',
  summary: 'This member marked notifications as read.',
  schema: z.object({
    /** Ids of the notifications; `all`: every one up to this event. */
    ids: z.union([z.literal('all'), z.array(z.string().max(200)).min(1).max(500)]),
  }),
  example: { ids: ['n4m2k8d6s1a9f3g7'] },
});
