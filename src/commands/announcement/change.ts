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
    /** What the caller took for the announcement as it is, whole or in part. One that is otherwise by now is refused with `conflict`. */
    expected: z
      .strictObject({ content: z.string().max(10_000), active: z.boolean(), allowGuest: z.boolean() })
      .partial()
      .optional(),
  }),
  load: (tx, input) => loadAnnouncement(tx, input.id),
  decide(from: AnnouncementState | undefined, input, context) {
    requireStaff(context);
    if (from === undefined) throw new AppError('not_found');
    requireExpected(from, input.expected ?? {});
    const to: AnnouncementState = {
      content: kept(input.content, from.content),
      active: kept(input.active, from.active),
      allowGuest: kept(input.allowGuest, from.allowGuest),
    };
    const same = isDeepStrictEqual(from, to);
    return { events: same ? [] : [decided('kirogate.announcement.changed', `announcement/${input.id}`, { from, to })], result: to };
  },
});

/** Two admins who edit one announcement: the second is told, with what it says now, instead of undoing what the first wrote. */
function requireExpected(current: AnnouncementState, expected: { readonly [name in keyof AnnouncementState]?: unknown }): void {
  for (const name of ['content', 'active', 'allowGuest'] as const) {
    if (expected[name] === undefined || expected[name] === current[name]) continue;
    throw new AppError('conflict', {
      message: 'The announcement was changed meanwhile.',
      param: name,
      extra: { reason: 'changed_meanwhile', current },
    });
  }
}
