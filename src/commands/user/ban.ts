/** Members may no longer use the site. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { ids, optionalText } from '../fields.js';
import { loadUsers, type UserState } from './state.js';

/** Unknown ids and members that are banned already stay as they are. */
export const banUsers = defineCommand({
  name: 'user.ban',
  summary: 'Ban members.',
  input: z.strictObject({ ids, reason: optionalText(500).nullable().optional() }),
  load: (tx, input) => loadUsers(tx, input.ids),
  decide(users: readonly UserState[], input, context) {
    requireStaff(context);
    const banned = users.filter((user) => user.status !== 'banned');
    // An unbanned member signs in anew: what was signed before the ban stays dead.
    const events = banned.flatMap((user) => [
      decided('kirogate.user.banned', `user/${user.id}`, { from: user.status, to: 'banned', reason: input.reason ?? null }),
      decided('kirogate.user.sessions-revoked', `user/${user.id}`, { from: user.sessionVersion, to: user.sessionVersion + 1 }),
    ]);
    return { events, result: { changed: banned.length } };
  },
});
