/** A member's own tokens. Somebody else's do not exist here. */
import { z } from 'zod';
import { removeToken } from '../../../commands/token/remove.js';
import { AppError } from '../../../errors.js';
import { defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';
import { donate, donation, patchToken, tokenPatch } from '../donations.js';
import { iso, listOf, paging, time } from '../fields.js';
import { metaOf } from '../meta.js';
import { pageOfRanked } from '../ranking.js';
import { removalOf } from '../reads/removals.js';
import { tokenItem, tokenItems } from '../tokens.js';

/** The commands check it as well; this is for a patch that changes nothing. */
function requireOwn(tokenId: string, userId: string, { directory }: PanelContext): void {
  if (directory.token(tokenId)?.ownerId !== userId) throw new AppError('not_found');
}

export const userTokenRoutes = [
  defineRoute({
    method: 'get',
    path: '/user/api/tokens',
    access: 'member',
    summary: 'Your tokens with their live figures, newest first.',
    status: 200,
    query: z.strictObject(paging),
    response: listOf(tokenItem),
    async handle({ query, caller }, context) {
      const own = [...context.directory.tokens()].filter((token) => token.ownerId === caller.userId);
      const ranked = own.map((row) => ({ row, id: row.id, key: row.createdAt }));
      const { rows, nextCursor } = pageOfRanked(ranked, { ...query, descending: true, kind: 'number' });
      return { body: { items: await tokenItems(rows, context), nextCursor } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/user/api/tokens',
    access: 'member',
    summary: 'Give a credential to the pool, or keep it to yourself (`private`).',
    status: 201,
    // Where an upstream lies is for admins to say: a member's address could point into our own network.
    body: donation.omit({ baseUrl: true }),
    response: z.strictObject({ id: z.string() }),
    handle: async (request, context) => ({ body: { id: await donate(request.body, request.caller.userId, metaOf(request), context) } }),
  }),
  defineRoute({
    method: 'patch',
    path: '/user/api/tokens/:id',
    access: 'member',
    summary: 'Change name, visibility, daily cap or models of your token.',
    status: 200,
    body: tokenPatch,
    response: tokenItem,
    async handle(request, context) {
      if (Object.keys(request.body).length === 0) requireOwn(request.params.id, request.caller.userId, context);
      return { body: await patchToken(request.params.id, request.body, metaOf(request), context) };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/user/api/tokens/:id',
    access: 'member',
    summary: 'Take your token out of the pool; its secret is deleted, and the answer proves it.',
    status: 200,
    response: z.strictObject({
      id: z.string(),
      deletedAt: time,
      /** `kirogate.token.removed` in the archive. */
      eventId: z.string(),
      /** Looked up in the vault after the deletion. */
      secretsErased: z.boolean(),
    }),
    async handle(request, context) {
      const { id } = request.params;
      await context.commands.execute(removeToken, { tokenId: id }, metaOf(request));
      const removal = await removalOf(context.db, id);
      if (removal === undefined)
        throw new AppError('internal', { cause: new Error(`token ${id} was removed and its event is not to be found`) });
      return { body: { id, deletedAt: iso(removal.at), eventId: removal.eventId, secretsErased: removal.secretsErased } };
    },
  }),
];
