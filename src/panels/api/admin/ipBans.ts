/** Banned addresses and ranges. */
import { z } from 'zod';
import { banIp } from '../../../commands/ip/ban.js';
import { canonicalCidr } from '../../../commands/ip/cidr.js';
import { unbanIp } from '../../../commands/ip/unban.js';
import { AppError } from '../../../errors.js';
import { sql } from '../../../infra/database/port.js';
import { createIpBlocks } from '../../../projections/ipBlocks.js';
import { pageOf } from '../../../projections/page.js';
import { defineRoute } from '../define.js';
import { iso, listOf, optionalText, paging, time } from '../fields.js';
import { metaOf } from '../meta.js';

interface Stored {
  readonly id: string;
  readonly at: number;
  readonly cidr: string;
  readonly reason: string | null;
  readonly actor: string;
}

/** Who bans their own address has seldom meant it. Throws `conflict`. */
function requireForeign(ip: string, own: string): void {
  const cidr = canonicalCidr(ip);
  if (cidr === null || !createIpBlocks([cidr])(own)) return;
  const message = `${cidr} holds your own address, ${own}; send "confirm": true to ban it all the same.`;
  throw new AppError('conflict', { message, param: 'ip', extra: { reason: 'own_address' } });
}

export const ipBanRoutes = [
  defineRoute({
    method: 'get',
    path: '/admin/api/ip-bans',
    access: 'admin',
    summary: 'Banned addresses and ranges, newest first.',
    status: 200,
    query: z.strictObject(paging),
    response: listOf(z.strictObject({ id: z.string(), ip: z.string(), reason: z.string().nullable(), actor: z.string(), createdAt: time })),
    async handle({ query }, { db }) {
      const page = await pageOf(db, {
        ...query,
        table: sql`(select id, created_at as at, cidr, reason, actor from ip_bans) as b`,
        where: [],
        read: ({ id, at, cidr, reason, actor }: Stored) => ({ id, ip: cidr, reason, actor, createdAt: iso(at) }),
      });
      return { body: page };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/ip-bans',
    access: 'admin',
    summary:
      'Ban an address or a CIDR range from the client and user API; 409 where it holds your own and you come with a session, unless `confirm` is true.',
    status: 201,
    body: z.strictObject({
      ip: z.string().min(1).max(100),
      reason: optionalText(500).nullable().optional(),
      /** Also where the ban holds the caller's own address. */
      confirm: z.boolean().optional(),
    }),
    response: z.strictObject({ id: z.string(), ip: z.string() }),
    async handle(request, { commands }) {
      const { confirm, ...ban } = request.body;
      // A script has no sign-in to lose, and says what it means.
      if (confirm !== true && request.caller.sessionId !== null) requireForeign(ban.ip, request.address);
      const { id, cidr } = await commands.execute(banIp, ban, metaOf(request));
      return { body: { id, ip: cidr } };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/admin/api/ip-bans/:id',
    access: 'admin',
    summary: 'Lift a ban.',
    status: 204,
    async handle(request, { commands }) {
      await commands.execute(unbanIp, { id: request.params.id }, metaOf(request));
      return {};
    },
  }),
];
