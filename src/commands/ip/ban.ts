/** An address or range may no longer call. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { sql } from '../../infra/database/port.js';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { optionalText } from '../fields.js';
import { canonicalCidr } from './cidr.js';

/** Refuses what is no address or range (`invalid_request`) and what is banned already (`conflict`). */
export const banIp = defineCommand({
  name: 'ip.ban',
  summary: 'Ban an address or range.',
  input: z.strictObject({ ip: z.string().max(100), reason: optionalText(500).nullable().optional() }),
  async load(tx, input) {
    const cidr = canonicalCidr(input.ip);
    const rows = cidr === null ? [] : await tx.query(sql`select 1 as one from ip_bans where cidr = ${cidr} limit 1`);
    return { banned: rows.length > 0 };
  },
  decide({ banned }, input, context) {
    requireStaff(context);
    const cidr = canonicalCidr(input.ip);
    if (cidr === null)
      throw new AppError('invalid_request', {
        message: 'ip must be an address or a CIDR range.',
        param: 'ip',
        extra: { reason: 'not_address' },
      });
    if (banned) throw new AppError('conflict', { message: `${cidr} is banned already.`, param: 'ip', extra: { reason: 'banned_already' } });
    const id = context.ids.short();
    return { events: [decided('kirogate.ip.banned', `ip/${cidr}`, { id, cidr, reason: input.reason ?? null })], result: { id, cidr } };
  },
});
