/** API keys of one member in pages, newest first, with their use. */
import { type Queryable, sql } from '../../../infra/database/port.js';
import { type Page, pageOf } from '../../../projections/page.js';
import { keyUse } from '../../../projections/use.js';

export interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly status: 'active' | 'revoked' | 'expired';
  readonly rpmLimit: number | null;
  readonly allowedModels: readonly string[] | null;
  /** Times in ms since epoch. */
  readonly expiresAt: number | null;
  readonly createdAt: number;
  readonly requests: number;
  readonly lastUsedAt: number | null;
}

interface Stored {
  readonly id: string;
  readonly at: number;
  readonly name: string;
  readonly prefix: string;
  readonly status: 'active' | 'revoked';
  readonly rpm_limit: number | null;
  readonly allowed_models: string | null;
  readonly expires_at: number | null;
}

/** `now` tells which keys have run out. Throws `invalid_request` naming `cursor`. */
export async function listKeys(
  db: Queryable,
  query: {
    readonly userId: string;
    readonly now: number;
    readonly keyId?: string;
    readonly cursor?: string | undefined;
    readonly limit: number;
  },
): Promise<Page<KeyRow>> {
  const where = [sql`user_id = ${query.userId}`];
  if (query.keyId !== undefined) where.push(sql`id = ${query.keyId}`);
  const { items: stored, nextCursor } = await pageOf(db, {
    limit: query.limit,
    cursor: query.cursor,
    table: sql`(select id, user_id, created_at as at, name, prefix, status, rpm_limit, allowed_models, expires_at from api_keys) as k`,
    where,
    read: (row: Stored) => row,
  });
  const uses =
    stored.length === 0
      ? undefined
      : await keyUse(
          db,
          stored.map((key) => key.id),
        );
  const items = stored.map((key): KeyRow => {
    const use = uses?.get(key.id);
    return {
      id: key.id,
      name: key.name,
      prefix: key.prefix,
      status: key.status === 'active' && key.expires_at !== null && key.expires_at <= query.now ? 'expired' : key.status,
      rpmLimit: key.rpm_limit,
      allowedModels: key.allowed_models === null ? null : (JSON.parse(key.allowed_models) as string[]),
      expiresAt: key.expires_at,
      createdAt: key.at,
      requests: use?.requests ?? 0,
      lastUsedAt: use?.lastUsedAt ?? null,
    };
  });
  return { items, nextCursor };
}
