/** An admin writes an announcement. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { requiredText } from '../fields.js';

export const publishAnnouncement = defineCommand({
  name: 'announcement.publish',
  summary: 'Write an announcement.',
  input: z.strictObject({ content: requiredText(10_000), active: z.boolean().default(true), allowGuest: z.boolean().default(false) }),
  load: async () => null,
  decide(_state, input, context) {
    requireStaff(context);
    const id = context.ids.short();
    return { events: [decided('kirogate.announcement.published', `announcement/${id}`, input)], result: { id } };
  },
});
