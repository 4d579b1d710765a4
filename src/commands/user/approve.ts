/** Waiting members may come in. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { ids } from '../fields.js';
import { loadUsers, type UserState } from './state.js';

/** Changes those that wait; unknown ids and members of another status stay as they are. */
export const approveUsers = defineCommand({
  name: 'user.approve',
  summary: 'Approve waiting members.',
  input: z.strictObject({ ids }),
  load: (tx, input) => loadUsers(tx, input.ids),
  decide(users: readonly UserState[], _input, context) {
    requireStaff(context);
    const events = users
      .filter((user) => user.status === 'pending')
      .map((user) => decided('kirogate.user.approved', `user/${user.id}`, { from: user.status, to: 'active' }));
    return { events, result: { changed: events.length } };
  },
});
