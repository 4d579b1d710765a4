/** An announcement is edited, shown or hidden. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id, kept, requiredText } from '../fields.js';
import { type AnnouncementState, loadAnnouncement } from './state.js';

export const changeAnnouncement = defineCommand({
  name: 'announcement.change',
  summary: 'Edit, show or hide an announcement.',
  input: z.strictObject({
    id,
    content: requiredText(10_000).optional(),
    active: z.boolean().optional(),
    allowGuest: z.boolean().optional(),
  }),
  load: (tx, input) => loadAnnouncement(tx, input.id),
  decide(from: AnnouncementState | undefined, input, context) {
    requireStaff(context);
    if (from === undefined) throw new AppError('not_found');
    const to: AnnouncementState = {
      content: kept(input.content, from.content),
      active: kept(input.active, from.active),
      allowGuest: kept(input.allowGuest, from.allowGuest),
    };
    const same = isDeepStrictEqual(from, to);
    return { events: same ? [] : [decided('kirogate.announcement.changed', `announcement/${input.id}`, { from, to })], result: to };
  },
});
