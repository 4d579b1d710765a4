/** The ban of an address or range ends. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { sql } from '../../infra/database/port.js';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';

export const unbanIp = defineCommand({
  name: 'ip.unban',
  summary: 'Lift the ban of an address or range.',
  input: z.strictObject({ id }),
  load: async (tx, input) => (await tx.query<{ cidr: string }>(sql`select cidr from ip_bans where id = ${input.id}`))[0],
  decide(ban: { cidr: string } | undefined, input, context) {
    requireStaff(context);
    if (ban === undefined) throw new AppError('not_found');
    return { events: [decided('kirogate.ip.unbanned', `ip/${ban.cidr}`, { id: input.id, cidr: ban.cidr })], result: { cidr: ban.cidr } };
  },
});
