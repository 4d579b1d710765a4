/** Keys for bulk donation by script. */
import { z } from 'zod';
import { issueImportKey } from '../../../commands/importKey/issue.js';
import { revokeImportKey } from '../../../commands/importKey/revoke.js';
import { sql } from '../../../infra/database/port.js';
import { pageOf } from '../../../projections/page.js';
import { defineRoute } from '../define.js';
import { id, iso, listOf, paging, requiredText, time } from '../fields.js';
import { issuedKey } from '../keys.js';
import { metaOf } from '../meta.js';

interface Stored {
  readonly id: string;
  readonly at: number;
  readonly name: string;
  readonly prefix: string;
  readonly user_id: string | null;
  readonly status: 'active' | 'revoked';
}

export const importKeyRoutes = [
  defineRoute({
    method: 'get',
    path: '/admin/api/import-keys',
    access: 'admin',
    summary: 'Import keys, newest first.',
    status: 200,
    query: z.strictObject(paging),
    response: listOf(
      z.strictObject({
        id: z.string(),
        name: z.string(),
        prefix: z.string(),
        /** Whose tokens it donates; null: the site's. */
        userId: z.string().nullable(),
        status: z.enum(['active', 'revoked']),
        createdAt: time,
      }),
    ),
    async handle({ query }, { db }) {
      const page = await pageOf(db, {
        ...query,
        table: sql`(select id, created_at as at, name, prefix, user_id, status from import_keys) as k`,
        where: [],
        read: (row: Stored) => ({
          id: row.id,
          name: row.name,
          prefix: row.prefix,
          userId: row.user_id,
          status: row.status,
          createdAt: iso(row.at),
        }),
      });
      return { body: page };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/admin/api/import-keys',
    access: 'admin',
    summary: 'Make a key for bulk donation; it is shown once.',
    status: 201,
    body: z.strictObject({ name: requiredText(100), userId: id.nullable().optional() }),
    response: issuedKey,
    async handle(request, { commands }) {
      const { id: keyId, key } = await commands.execute(issueImportKey, request.body, metaOf(request));
      return { body: { id: keyId, key } };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/admin/api/import-keys/:id',
    access: 'admin',
    summary: 'Revoke an import key.',
    status: 204,
    async handle(request, { commands }) {
      await commands.execute(revokeImportKey, { id: request.params.id }, metaOf(request));
      return {};
    },
  }),
];
