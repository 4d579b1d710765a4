/** Rows of the directory's tables as the rest of the system sees them. */
import { type Queryable, type SQLQuery, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { type Settings, settingsSchema } from '../shared/settings.js';

export interface DirectoryUser {
  readonly id: string;
  readonly username: string;
  readonly email: string | null;
  readonly status: 'active' | 'pending' | 'banned';
  readonly sessionVersion: number;
  /** null: the site's default. */
  readonly quotaDaily: number | null;
  readonly quotaMonthly: number | null;
  /** ms since epoch, as all times here */
  readonly createdAt: number;
}

export interface DirectoryKey {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly prefix: string;
  readonly status: 'active' | 'revoked';
  /** null: the site's default. */
  readonly rpmLimit: number | null;
  /** null: all. */
  readonly allowedModels: readonly string[] | null;
  readonly expiresAt: number | null;
  readonly createdAt: number;
}

export interface DirectoryToken {
  readonly id: string;
  readonly name: string | null;
  /** null: belongs to the site. */
  readonly ownerId: string | null;
  readonly visibility: 'public' | 'private';
  readonly provider: string;
  readonly authType: string;
  readonly region: string | null;
  readonly status: 'active' | 'suspended' | 'invalid';
  readonly statusReason: 'failures' | 'upstream' | 'admin' | 'credits' | null;
  /** What the upstream or an admin said. */
  readonly statusMessage: string | null;
  /** Out of credits until then. */
  readonly parkedUntil: number | null;
  readonly allowedModels: readonly string[] | null;
  readonly dailyCap: number | null;
  readonly createdAt: number;
  /** Control position of the last event that changed it. */
  readonly position: number;
}

export interface IpBan {
  readonly id: string;
  readonly cidr: string;
  readonly reason: string | null;
  readonly actor: string;
  readonly createdAt: number;
}

/** Which rows: all, or those with these ids. */
export type Which = 'all' | readonly string[];

function chosen(db: Queryable, column: SQLQuery, which: Which): SQLQuery {
  return which === 'all'
    ? sql`true`
    : sql`${column} in (${rowsOf(
        db.engine,
        { id: 'text' },
        which.map((id) => ({ id })),
      )})`;
}

type Row = Readonly<Record<string, unknown>>;

export async function readUsers(db: Queryable, which: Which): Promise<DirectoryUser[]> {
  return (await db.query(sql`select * from users where ${chosen(db, sql`id`, which)}`)).map(toUser);
}

export function toUser(row: Row): DirectoryUser {
  return {
    id: row.id as string,
    username: row.username as string,
    email: row.email as string | null,
    status: row.status as DirectoryUser['status'],
    sessionVersion: row.session_version as number,
    quotaDaily: row.quota_daily as number | null,
    quotaMonthly: row.quota_monthly as number | null,
    createdAt: row.created_at as number,
  };
}

export async function readKeys(db: Queryable, which: Which): Promise<DirectoryKey[]> {
  return (await db.query(sql`select * from api_keys where ${chosen(db, sql`id`, which)}`)).map(toKey);
}

export function toKey(row: Row): DirectoryKey {
  return {
    id: row.id as string,
    userId: row.user_id as string,
    name: row.name as string,
    prefix: row.prefix as string,
    status: row.status as DirectoryKey['status'],
    rpmLimit: row.rpm_limit as number | null,
    allowedModels: models(row.allowed_models),
    expiresAt: row.expires_at as number | null,
    createdAt: row.created_at as number,
  };
}

/** SHA-256 (hex) of keys, from the vault. */
export function readKeyHashes(db: Queryable, which: Which): Promise<{ keyId: string; hash: string }[]> {
  return db.query(sql`select key_id as ${sql.ident('keyId')}, hash from vault_keys where ${chosen(db, sql`key_id`, which)}`);
}

/** Ids of the keys with these hashes. */
export async function readKeysByHash(db: Queryable, hashes: readonly string[]): Promise<string[]> {
  return (await db.query<{ key_id: string }>(sql`select key_id from vault_keys where ${chosen(db, sql`hash`, hashes)}`)).map(
    (row) => row.key_id,
  );
}

export async function readTokens(db: Queryable, which: Which): Promise<DirectoryToken[]> {
  return (await db.query(sql`select * from tokens where ${chosen(db, sql`id`, which)}`)).map(toToken);
}

export function toToken(row: Row): DirectoryToken {
  return {
    id: row.id as string,
    name: row.name as string | null,
    ownerId: row.owner_id as string | null,
    visibility: row.visibility as DirectoryToken['visibility'],
    provider: row.provider as string,
    authType: row.auth_type as string,
    region: row.region as string | null,
    status: row.status as DirectoryToken['status'],
    statusReason: row.status_reason as DirectoryToken['statusReason'],
    statusMessage: row.status_message as string | null,
    parkedUntil: row.parked_until as number | null,
    allowedModels: models(row.allowed_models),
    dailyCap: row.daily_cap as number | null,
    createdAt: row.created_at as number,
    position: row.position as number,
  };
}

/** What admins stored; a value that a newer build wrote and this one does not take is left to the environment. */
export async function readSettings(db: Queryable): Promise<Partial<Settings>> {
  const rows = await db.query<{ name: string; value: string }>(sql`select name, value from settings`);
  const known = new Map(Object.entries(settingsSchema.shape));
  const stored = rows.map(({ name, value }) => [name, JSON.parse(value) as unknown] as const);
  return Object.fromEntries(stored.filter(([name, value]) => known.get(name)?.safeParse(value).success)) as Partial<Settings>;
}

export async function readIpBans(db: Queryable): Promise<IpBan[]> {
  const rows = await db.query(sql`select * from ip_bans order by created_at desc, id`);
  return rows.map((row) => ({
    id: row.id as string,
    cidr: row.cidr as string,
    reason: row.reason as string | null,
    actor: row.actor as string,
    createdAt: row.created_at as number,
  }));
}

const models = (text: unknown): readonly string[] | null => (text === null ? null : (JSON.parse(text as string) as string[]));
