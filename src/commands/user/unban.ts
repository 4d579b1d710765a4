/** Bans are lifted. A member who was banned while waiting is active afterwards: an admin has looked at them. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { ids } from '../fields.js';
import { loadUsers, type UserState } from './state.js';

export const unbanUsers = defineCommand({
  name: 'user.unban',
  summary: 'Lift bans of members.',
  input: z.strictObject({ ids }),
  load: (tx, input) => loadUsers(tx, input.ids),
  decide(users: readonly UserState[], _input, context) {
    requireStaff(context);
    const events = users
      .filter((user) => user.status === 'banned')
      .map((user) => decided('kirogate.user.unbanned', `user/${user.id}`, { from: user.status, to: 'active' }));
    return { events, result: { changed: events.length } };
  },
});
