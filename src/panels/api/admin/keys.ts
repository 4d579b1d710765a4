/** API keys of members in the admin's hands. */

import { z } from 'zod';
import { issueKey } from '../../../commands/key/issue.js';
import { revokeKey } from '../../../commands/key/revoke.js';
import { AppError } from '../../../errors.js';
import { defineRoute } from '../define.js';
import { listOf, paging } from '../fields.js';
import { issuedKey, keyItem, newKey, toKeyItem, withKnownModels } from '../keys.js';
import { metaOf } from '../meta.js';
import { listKeys } from '../reads/keys.js';

export const adminKeyRoutes = [
  defineRoute({
    method: 'post',
    path: '/admin/api/users/:id/keys',
    access: 'admin',
    summary: 'Make an API key for a member; it is shown once.',
    status: 201,
    body: newKey,
    response: issuedKey,
    async handle(request, context) {
      const input = { userId: request.params.id, ...withKnownModels(request.body, context) };
      const { id, key } = await context.commands.execute(issueKey, input, metaOf(request));
      return { body: { id, key } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/users/:id/keys',
    access: 'admin',
    summary: 'API keys of a member, newest first.',
    status: 200,
    query: z.strictObject(paging),
    response: listOf(keyItem),
    async handle({ params, query }, { db, directory, clock }) {
      if (!directory.user(params.id)) throw new AppError('not_found');
      const { items, nextCursor } = await listKeys(db, { ...query, userId: params.id, now: clock.now() });
      return { body: { items: items.map(toKeyItem), nextCursor } };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/admin/api/keys/:id',
    access: 'admin',
    summary: 'Revoke an API key.',
    status: 204,
    async handle(request, { commands }) {
      await commands.execute(revokeKey, { keyId: request.params.id }, metaOf(request));
      return {};
    },
  }),
];
