/** An admin gives a member quotas of their own, or the site's default again. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id, kept, quota } from '../fields.js';
import { loadUser, type UserState } from './state.js';

/** null: back to the default. Absent: stays. */
export const setUserQuota = defineCommand({
  name: 'user.setQuota',
  summary: 'Set the daily and monthly quota of a member.',
  input: z.strictObject({ userId: id, daily: quota.nullable().optional(), monthly: quota.nullable().optional() }),
  load: (tx, input) => loadUser(tx, input.userId),
  decide(user: UserState | undefined, input, context) {
    requireStaff(context);
    if (user === undefined) throw new AppError('not_found');
    const from = { daily: user.quotaDaily, monthly: user.quotaMonthly };
    const to = { daily: kept(input.daily, from.daily), monthly: kept(input.monthly, from.monthly) };
    const same = to.daily === from.daily && to.monthly === from.monthly;
    return { events: same ? [] : [decided('kirogate.user.quota-changed', `user/${user.id}`, { from, to })], result: to };
  },
});
