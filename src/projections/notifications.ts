/** Notifications: what members are told of their tokens and quotas, and what they have read. */

import type { StoredEvent } from '../events/define.js';
import type { EventData } from '../events/index.js';
import { type Queryable, type SQLQuery, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { accumulator, type Row, type Rows } from './accumulate.js';
import { defineProjection, type TableName } from './define.js';
import { type Page, type PageQuery, pageOf } from './page.js';
import { type Changes, patchedTable } from './patches.js';
import { DAY } from './time.js';

const owners = patchedTable({ table: 'notification_owners', key: 'token_id', columns: { owner_id: 'text' } });
const reads = accumulator({ table: 'notification_reads', key: { user_id: 'text', notification_id: 'text' }, max: ['at'] });
const readAll = accumulator({ table: 'notification_read_all', key: { user_id: 'text' }, max: ['at'] });

const KEEP = 90 * DAY;
const table = { name: 'notifications', key: ['at', 'id'], retention: { column: 'at', ms: KEEP } } as const;
/** Read marks outlive what they mark, also when one of the two tables was quiet for months. */
const readsTable = { name: 'notification_reads', key: ['user_id', 'notification_id'], retention: { column: 'at', ms: 4 * KEEP } } as const;

interface Batch {
  readonly owners: Changes;
  /** Removed last: whose a token was must still be known to what came before in the batch. */
  readonly removed: Changes;
  /** For a known user. */
  readonly direct: Row[];
  /** About a token: the owner is looked up when the batch is written. */
  readonly aboutTokens: Row[];
  readonly reads: Rows;
  readonly readAll: Rows;
}

export const notifications = defineProjection<Batch>({
  name: 'notifications',
  version: 1,
  ordered: true,
  tables: [table, readsTable, { name: 'notification_read_all', key: ['user_id'] }, { name: 'notification_owners', key: ['token_id'] }],
  types: [
    'kirogate.token.donated',
    'kirogate.token.suspended',
    'kirogate.token.invalidated',
    'kirogate.token.removed',
    'kirogate.quota.warned',
    'kirogate.notification.read',
  ],
  start: () => ({ owners: new Map(), removed: new Map(), direct: [], aboutTokens: [], reads: new Map(), readAll: new Map() }),
  fold(batch, event) {
    if (event.type === 'kirogate.notification.read') return foldRead(batch, event);
    if (event.type === 'kirogate.quota.warned') return foldWarned(batch, event, event.data as EventData<'kirogate.quota.warned'>);
    foldToken(batch, event);
  },
  async flush(batch, tx, name) {
    await insertDirect(batch.direct, tx, name);
    await owners.flush(batch.owners, tx, name);
    await insertAboutTokens(batch.aboutTokens, tx, name);
    await owners.flush(batch.removed, tx, name);
    await reads.flush(batch.reads, tx, name);
    await readAll.flush(batch.readAll, tx, name);
  },
});

function foldToken(batch: Batch, event: StoredEvent): void {
  const tokenId = event.subject.slice('token/'.length);
  switch (event.type) {
    case 'kirogate.token.donated': {
      const { ownerId } = event.data as EventData<'kirogate.token.donated'>;
      if (ownerId !== null) owners.put(batch.owners, tokenId, { owner_id: ownerId });
      return;
    }
    case 'kirogate.token.removed':
      return owners.remove(batch.removed, tokenId);
    default:
      return foldTrouble(batch, event, tokenId);
  }
}

const because: Readonly<Record<string, string>> = {
  failures: 'after failures in a row',
  upstream: 'by the upstream',
  admin: 'by an admin',
  credits: 'because its credits are used up',
};

function foldTrouble(batch: Batch, event: StoredEvent, tokenId: string): void {
  const suspended = event.type === 'kirogate.token.suspended';
  const { message, reason } = event.data as { readonly message: string | null; readonly reason?: string };
  const what = suspended ? `was suspended ${because[reason ?? ''] ?? ''}`.trimEnd() : 'is no longer valid';
  batch.aboutTokens.push({
    at: event.time,
    id: event.id,
    type: suspended ? 'token_suspended' : 'token_invalid',
    message: `Token ${tokenId} ${what}${message === null ? '.' : `: ${message}`}`,
    token_id: tokenId,
  });
}

function foldWarned(batch: Batch, event: StoredEvent, { quota, used, limit, resetAt }: EventData<'kirogate.quota.warned'>): void {
  batch.direct.push({
    at: event.time,
    id: event.id,
    user_id: event.subject.slice('user/'.length),
    type: 'quota_warning',
    message: `${used} of ${limit} requests of the ${quota} quota are used; it starts anew at ${new Date(resetAt).toISOString()}.`,
    token_id: null,
  });
}

function foldRead(batch: Batch, event: StoredEvent): void {
  const userId = event.subject.slice('user/'.length);
  const { ids } = event.data as EventData<'kirogate.notification.read'>;
  if (ids === 'all') {
    readAll.add(batch.readAll, { user_id: userId, at: event.time });
    return;
  }
  for (const id of ids) reads.add(batch.reads, { user_id: userId, notification_id: id, at: event.time });
}

async function insertDirect(rows: readonly Row[], tx: Queryable, name: TableName): Promise<void> {
  if (rows.length === 0) return;
  const columns = { at: 'bigint', id: 'text', user_id: 'text', type: 'text', message: 'text', token_id: 'text' } as const;
  await tx.query(sql`insert into ${name('notifications')} (at, id, user_id, type, message, token_id)
    ${rowsOf(tx.engine, columns, rows)} on conflict do nothing`);
}

/** Tokens of the site belong to nobody who could be told. */
async function insertAboutTokens(rows: readonly Row[], tx: Queryable, name: TableName): Promise<void> {
  if (rows.length === 0) return;
  const columns = { at: 'bigint', id: 'text', type: 'text', message: 'text', token_id: 'text' } as const;
  await tx.query(sql`insert into ${name('notifications')} (at, id, user_id, type, message, token_id)
    select r.at, r.id, o.owner_id, r.type, r.message, r.token_id from (${rowsOf(tx.engine, columns, rows)}) as r
    join ${name('notification_owners')} as o on o.token_id = r.token_id where true on conflict do nothing`);
}

export interface NotificationItem {
  readonly id: string;
  readonly type: 'token_suspended' | 'token_invalid' | 'quota_warning';
  readonly message: string;
  readonly read: boolean;
  /** ms since epoch */
  readonly at: number;
  readonly tokenId: string | null;
}

interface NotificationRow {
  readonly id: string;
  readonly at: number;
  readonly type: NotificationItem['type'];
  readonly message: string;
  readonly token_id: string | null;
  readonly seen: number | boolean;
}

/** Marked one by one, or all up to a moment. */
const seen: SQLQuery = sql`(exists (select 1 from notification_reads as r where r.user_id = n.user_id and r.notification_id = n.id)
  or exists (select 1 from notification_read_all as a where a.user_id = n.user_id and a.at >= n.at))`;

/** A user's own, newest first. Throws AppError `invalid_request` for a cursor that is none. */
export function listNotifications(
  db: Queryable,
  query: PageQuery & { readonly userId: string; readonly unreadOnly?: boolean | undefined },
): Promise<Page<NotificationItem>> {
  const where = [sql`user_id = ${query.userId}`];
  if (query.unreadOnly) where.push(sql`not ${seen}`);
  return pageOf(db, {
    ...query,
    table: sql`notifications as n`,
    columns: sql`n.at, n.id, n.type, n.message, n.token_id, ${seen} as seen`,
    where,
    read: ({ id, at, type, message, token_id, seen: read }: NotificationRow) => ({
      id,
      at,
      type,
      message,
      tokenId: token_id,
      read: Boolean(read),
    }),
  });
}

export async function unreadCount(db: Queryable, userId: string): Promise<number> {
  const [row] = await db.query<{ n: number }>(sql`select count(*) as n from notifications as n where user_id = ${userId} and not ${seen}`);
  return Number(row?.n ?? 0);
}

/** Is this notification this user's? */
export async function hasNotification(db: Queryable, userId: string, id: string): Promise<boolean> {
  const rows = await db.query(sql`select 1 from notifications where user_id = ${userId} and id = ${id} limit 1`);
  return rows.length > 0;
}
