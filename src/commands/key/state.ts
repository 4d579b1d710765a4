/** What deciders know of client keys, and how it is read. */
import { type Queryable, sql } from '../../infra/database/port.js';
import { loadSettings } from '../config/state.js';
import type { LoadContext } from '../define.js';

export interface KeySettings {
  readonly name: string;
  readonly rpmLimit: number | null;
  readonly allowedModels: string[] | null;
  /** ms since epoch */
  readonly expiresAt: number | null;
}

export interface KeyState extends KeySettings {
  readonly id: string;
  readonly userId: string;
  readonly prefix: string;
  readonly status: 'active' | 'revoked';
}

interface Row {
  id: string;
  user_id: string;
  name: string;
  prefix: string;
  status: KeyState['status'];
  rpm_limit: number | null;
  allowed_models: string | null;
  expires_at: number | null;
}

export async function loadKey(tx: Queryable, id: string): Promise<KeyState | undefined> {
  const [row] = await tx.query<Row>(sql`
    select id, user_id, name, prefix, status, rpm_limit, allowed_models, expires_at from api_keys where id = ${id}`);
  return row === undefined
    ? undefined
    : {
        id: row.id,
        userId: row.user_id,
        prefix: row.prefix,
        status: row.status,
        name: row.name,
        rpmLimit: row.rpm_limit,
        allowedModels: row.allowed_models === null ? null : (JSON.parse(row.allowed_models) as string[]),
        expiresAt: row.expires_at,
      };
}

export async function countActiveKeys(tx: Queryable, userId: string): Promise<number> {
  const [row] = await tx.query<{ n: number }>(sql`select count(*) as n from api_keys where user_id = ${userId} and status = 'active'`);
  return Number(row?.n ?? 0);
}

/** Requests per minute of a key without a figure of its own. */
export async function loadDefaultRpm(tx: Queryable, context: LoadContext): Promise<number> {
  return (await loadSettings(tx, context.defaults)).merged.default_key_rpm_limit;
}
