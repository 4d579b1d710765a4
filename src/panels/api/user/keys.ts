/** A member's own API keys. Somebody else's do not exist here. */
import { z } from 'zod';
import { changeKey } from '../../../commands/key/change.js';
import { issueKey } from '../../../commands/key/issue.js';
import { revokeKey } from '../../../commands/key/revoke.js';
import { AppError } from '../../../errors.js';
import { defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';
import { listOf, paging } from '../fields.js';
import { issuedKey, keyItem, keyPatch, newKey, toKeyItem, withKnownModels } from '../keys.js';
import { metaOf } from '../meta.js';
import { listKeys } from '../reads/keys.js';

async function ownKey(keyId: string, userId: string, { db, clock }: PanelContext): Promise<z.input<typeof keyItem>> {
  const { items } = await listKeys(db, { userId, keyId, now: clock.now(), limit: 1 });
  if (!items[0]) throw new AppError('not_found');
  return toKeyItem(items[0]);
}

export const userKeyRoutes = [
  defineRoute({
    method: 'get',
    path: '/user/api/keys',
    access: 'member',
    summary: 'Your API keys, newest first.',
    status: 200,
    query: z.strictObject(paging),
    response: listOf(keyItem),
    async handle({ query, caller }, { db, clock }) {
      const { items, nextCursor } = await listKeys(db, { ...query, userId: caller.userId, now: clock.now() });
      return { body: { items: items.map(toKeyItem), nextCursor } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/user/api/keys',
    access: 'member',
    summary: 'Make an API key; it is shown once.',
    status: 201,
    body: newKey,
    response: issuedKey,
    async handle(request, context) {
      const input = { userId: request.caller.userId, ...withKnownModels(request.body, context) };
      const { id, key } = await context.commands.execute(issueKey, input, metaOf(request));
      return { body: { id, key } };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/user/api/keys/:id',
    access: 'member',
    summary: 'Change name, rate, models or end of your key; null goes back to the default.',
    status: 200,
    body: keyPatch,
    response: keyItem,
    async handle(request, context) {
      if (Object.keys(request.body).length > 0)
        await context.commands.execute(changeKey, { keyId: request.params.id, ...withKnownModels(request.body, context) }, metaOf(request));
      return { body: await ownKey(request.params.id, request.caller.userId, context) };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/user/api/keys/:id',
    access: 'member',
    summary: 'Revoke your key.',
    status: 204,
    async handle(request, context) {
      await context.commands.execute(revokeKey, { keyId: request.params.id }, metaOf(request));
      return {};
    },
  }),
];
