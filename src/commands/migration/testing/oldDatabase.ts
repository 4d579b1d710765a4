/** Makes synthetic databases of an old KiroGate: its tables, its Fernet secrets, its write-ahead log, and what goes wrong with them. */
import { createCipheriv, createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sqlite from '@databases/sqlite';
import { sql } from '../../../infra/database/port.js';

/** The TOKEN_ENCRYPT_KEY of the made-up installation. */
export const OLD_KEY = 'the key of the old installation';
/** 2023-11-14, ms. */
export const OLD_TIME = 1_700_000_000_000;

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const oldRefreshToken = (name: string): string => `${name}-${'r'.repeat(120)}`;
export const oldApiKey = (name: string): string => `sk-${name.padEnd(48, 'k')}`;

/** As Python's cryptography.fernet writes it. */
export function fernetSeal(clear: string, keyText = OLD_KEY): string {
  const key = createHash('sha256').update(keyText).digest();
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-128-cbc', key.subarray(16), iv);
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(Math.floor(OLD_TIME / 1000)));
  const body = Buffer.concat([Buffer.from([0x80]), time, iv, cipher.update(clear, 'utf8'), cipher.final()]);
  const mac = createHmac('sha256', key.subarray(0, 16)).update(body).digest();
  // With padding, as Python writes it.
  return Buffer.concat([body, mac]).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** As the old panel wrote it: URL-safe base64 without padding. */
export function oldPasswordHash(password: string): string {
  const salt = randomBytes(16);
  const hash = pbkdf2Sync(password, salt, 120_000, 32, 'sha256');
  return `pbkdf2_sha256$120000$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

type Cell = string | number | null;
export type OldTables = Record<string, { readonly columns: readonly string[]; readonly rows: readonly (readonly Cell[])[] }>;

export interface OldToken {
  readonly name: string;
  readonly authType?: 'social' | 'idc';
  readonly status?: string;
  readonly visibility?: string;
  /** Another key than the installation's: it cannot be opened. */
  readonly sealedWith?: string;
}

export function tokenCells(id: number, userId: number, token: OldToken): Cell[] {
  const key = token.sealedWith ?? OLD_KEY;
  const clear = oldRefreshToken(token.name);
  const idc = token.authType === 'idc';
  return [
    id,
    userId,
    fernetSeal(clear, key),
    sha256(clear),
    token.visibility ?? 'private',
    0,
    token.status ?? 'active',
    0,
    0,
    null,
    null,
    OLD_TIME,
    token.authType ?? 'social',
    idc ? fernetSeal('client-id', key) : null,
    idc ? fernetSeal(`client-secret-${'s'.repeat(6_800)}`, key) : null,
  ];
}

export const tokenColumns = [
  'id',
  'user_id',
  'refresh_token_encrypted',
  'token_hash',
  'visibility',
  'is_anonymous',
  'status',
  'success_count',
  'fail_count',
  'last_used',
  'last_check',
  'created_at',
  'auth_type',
  'client_id_encrypted',
  'client_secret_encrypted',
] as const;
export const userColumns = [
  'id',
  'linuxdo_id',
  'github_id',
  'email',
  'username',
  'avatar_url',
  'trust_level',
  'is_admin',
  'is_banned',
  'approval_status',
  'password_hash',
  'session_version',
  'created_at',
  'last_login',
] as const;
const keyColumns = ['id', 'user_id', 'key_hash', 'key_prefix', 'name', 'is_active', 'request_count', 'last_used', 'created_at'] as const;

/** A row of `users`. */
export function userCells(
  id: number,
  username: string,
  over: { email?: string | null; github?: string; linuxdo?: string; banned?: 1; approval?: string; hash?: string; at?: number } = {},
): Cell[] {
  const {
    email = `${username}@example.com`,
    github = null,
    linuxdo = null,
    banned = 0,
    approval = 'approved',
    hash = null,
    at = OLD_TIME + id,
  } = over;
  return [id, linuxdo, github, email, username, null, 0, 0, banned, approval, hash, 1, at, null];
}

export const keyCells = (id: number, userId: number, key: string, active = 1): Cell[] => [
  id,
  userId,
  sha256(key),
  key.slice(0, 12),
  `key ${id}`,
  active,
  7,
  null,
  OLD_TIME + id,
];

/** A member of each kind of trouble; the credentials of `ada` and `bob` are sound. */
export function oldInstallation(): OldTables {
  return {
    users: {
      columns: userColumns,
      rows: [
        userCells(1, 'ada', { github: '4711', hash: oldPasswordHash('the password of ada') }),
        userCells(2, 'bob', { hash: `pbkdf2_sha256$120000$${'x'.repeat(12)}` }),
        userCells(3, 'cyd', { email: null, banned: 1 }),
        userCells(4, 'dan', { email: '', approval: 'pending' }),
      ],
    },
    tokens: {
      columns: tokenColumns,
      rows: [
        tokenCells(1, 1, { name: 'social', visibility: 'public' }),
        tokenCells(2, 2, { name: 'idc', authType: 'idc', status: 'invalid' }),
        tokenCells(3, 1, { name: 'gone', status: 'invalid' }),
        tokenCells(4, 1, { name: 'closed', sealedWith: 'a key that nobody has any more' }),
        tokenCells(5, 99, { name: 'orphan' }),
      ],
    },
    api_keys: {
      columns: keyColumns,
      rows: [keyCells(1, 1, oldApiKey('ada')), keyCells(2, 2, oldApiKey('bob'), 0), keyCells(3, 98, oldApiKey('nobody'))],
    },
    import_keys: { columns: keyColumns, rows: [keyCells(1, 1, 'ik-old-import-key')] },
    token_health: {
      columns: ['id', 'token_id', 'check_time', 'is_valid', 'error_msg'],
      rows: [[1, 2, OLD_TIME, 0, 'invalid_client']],
    },
    announcements: {
      columns: ['id', 'content', 'is_active', 'allow_guest', 'created_at', 'updated_at'],
      rows: [[1, 'Maintenance on Sunday.', 1, 1, OLD_TIME, OLD_TIME]],
    },
    announcement_status: {
      columns: ['user_id', 'announcement_id', 'is_read', 'is_dismissed', 'created_at', 'updated_at'],
      rows: [[1, 1, 1, 0, OLD_TIME, OLD_TIME]],
    },
    user_quotas: {
      columns: ['user_id', 'daily_quota', 'monthly_quota', 'daily_used', 'monthly_used', 'daily_reset_at', 'monthly_reset_at'],
      rows: [
        [1, 1_234, 10_000, 3, 5, 0, 0],
        [2, 500, 10_000, 0, 0, 0, 0],
        [97, 1, 1, 0, 0, 0, 0],
      ],
    },
    audit_logs: {
      columns: ['id', 'admin_username', 'action_type', 'target_type', 'target_id', 'details', 'created_at'],
      rows: [],
    },
    activity_logs: {
      columns: ['id', 'user_id', 'api_key_id', 'model', 'status_code', 'latency_ms', 'created_at'],
      rows: [[1, 1, 1, 'claude-sonnet-4-5', 200, 900, OLD_TIME]],
    },
    user_notifications: {
      columns: ['id', 'user_id', 'type', 'message', 'is_read', 'created_at'],
      rows: [[1, 2, 'token_invalid', 'Your token is invalid.', 0, OLD_TIME]],
    },
  };
}

export function oldMetrics(): OldTables {
  return {
    counters: { columns: ['key', 'value'], rows: [['req:/v1/messages:200:claude-sonnet-4-5', 43]] },
    site_config: {
      columns: ['key', 'value'],
      rows: [
        ['site_enabled', '1'],
        ['require_approval', '1'],
        ['proxy_api_key', 'a secret of the operator'],
      ],
    },
    ip_blacklist: {
      columns: ['ip', 'banned_at', 'reason'],
      rows: [
        ['203.0.113.9', OLD_TIME, 'credential stuffing'],
        ['nonsense', OLD_TIME, null],
      ],
    },
  };
}

export interface WrittenOld {
  readonly dir: string;
  readonly main: string;
  readonly metrics: string;
}

const typeOf = (column: string): string => (column === 'id' ? 'id integer primary key autoincrement' : `"${column}"`);

/** Writes tables into a new file; `wal`: their rows stay in a write-ahead log beside it, as after a killed service. */
export async function writeOldFile(path: string, tables: OldTables, wal: boolean): Promise<void> {
  const work = wal ? `${path}.work` : path;
  const db = sqlite.default(work);
  const run = (text: string, values: readonly Cell[] = []): Promise<unknown[]> => {
    const parts = text.split('?');
    const query = sql.join(
      parts.map((part, index) =>
        index < values.length ? sql`${sql.__dangerous__rawValue(part)}${values[index]}` : sql.__dangerous__rawValue(part),
      ),
      '',
    );
    return db.query(query);
  };
  if (wal) await run('pragma journal_mode = wal');
  for (const [name, { columns }] of Object.entries(tables)) await run(`create table "${name}" (${columns.map(typeOf).join(', ')})`);
  if (wal) {
    await run('pragma wal_checkpoint(truncate)');
    await run('pragma wal_autocheckpoint = 0');
  }
  await run('begin');
  for (const [name, { columns, rows }] of Object.entries(tables)) {
    const marks = columns.map(() => '?').join(', ');
    for (const row of rows)
      await run(`insert into "${name}" (${columns.map((column) => `"${column}"`).join(', ')}) values (${marks})`, row);
  }
  await run('commit');
  if (wal) {
    // Copied while it is open: closing would bring the rows home.
    await copyFile(work, path);
    await copyFile(`${work}-wal`, `${path}-wal`);
  }
  await db.dispose();
}

/** An old `data` folder, by default with the rows of the main file only in its write-ahead log. */
export async function writeOld(options: { tables?: OldTables; metrics?: OldTables | null; wal?: boolean } = {}): Promise<WrittenOld> {
  const dir = await mkdtemp(join(tmpdir(), 'kirogate-old-'));
  const main = join(dir, 'KiroGate.db');
  const metrics = join(dir, 'metrics.db');
  await writeOldFile(main, options.tables ?? oldInstallation(), options.wal ?? true);
  if (options.metrics !== null) await writeOldFile(metrics, options.metrics ?? oldMetrics(), false);
  return { dir, main, metrics };
}
