/** An announcement is deleted. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';
import { type AnnouncementState, loadAnnouncement } from './state.js';

export const removeAnnouncement = defineCommand({
  name: 'announcement.remove',
  summary: 'Delete an announcement.',
  input: z.strictObject({ id }),
  load: (tx, input) => loadAnnouncement(tx, input.id),
  decide(state: AnnouncementState | undefined, input, context) {
    requireStaff(context);
    if (state === undefined) throw new AppError('not_found');
    return { events: [decided('kirogate.announcement.removed', `announcement/${input.id}`, state)], result: {} };
  },
});
