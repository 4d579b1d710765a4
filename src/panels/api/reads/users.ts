/** Members in pages, in several orders. */
import { type Queryable, type SQLQuery, sql } from '../../../infra/database/port.js';
import { containing, type Page } from '../../../projections/page.js';
import { type RankKey, readPlace, writePlace } from '../ranking.js';

export interface UserRow {
  readonly id: string;
  readonly username: string;
  readonly email: string | null;
  readonly status: 'active' | 'pending' | 'banned';
  readonly quotaDaily: number | null;
  readonly quotaMonthly: number | null;
  /** ms since epoch */
  readonly createdAt: number;
  readonly requests: number;
  readonly lastUsedAt: number | null;
}

interface Stored {
  id: string;
  username: string;
  email: string | null;
  status: UserRow['status'];
  quota_daily: number | null;
  quota_monthly: number | null;
  created_at: number;
  requests: number | null;
  last_used_at: number | null;
  place: RankKey;
}

export const userSorts = ['newest', 'oldest', 'name', 'requests', 'lastUsed'] as const;
export type UserSort = (typeof userSorts)[number];

interface Order {
  readonly key: SQLQuery;
  readonly kind: 'number' | 'string';
  readonly descending: boolean;
}

const orders: Readonly<Record<UserSort, Order>> = {
  newest: { key: sql`u.created_at`, kind: 'number', descending: true },
  oldest: { key: sql`u.created_at`, kind: 'number', descending: false },
  name: { key: sql`lower(u.username)`, kind: 'string', descending: false },
  requests: { key: sql`coalesce(t.requests, 0)`, kind: 'number', descending: true },
  lastUsed: { key: sql`coalesce(t.last_used_at, 0)`, kind: 'number', descending: true },
};

export interface UserQuery {
  readonly sort: UserSort;
  readonly status?: UserRow['status'] | undefined;
  readonly q?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** `q` is looked for in name, e-mail address and id, whatever its case. Throws `invalid_request` naming `cursor`. */
export async function listUsers(db: Queryable, query: UserQuery): Promise<Page<UserRow>> {
  const where = [sql`true`];
  if (query.status !== undefined) where.push(sql`u.status = ${query.status}`);
  if (query.q !== undefined) {
    const pattern = containing(query.q.toLowerCase());
    where.push(
      sql`(lower(u.username) like ${pattern} escape '\\' or lower(coalesce(u.email, '')) like ${pattern} escape '\\' or u.id = ${query.q})`,
    );
  }
  const { key, kind, descending } = orders[query.sort];
  const [sooner, direction] = descending ? [sql`<`, sql`desc`] : [sql`>`, sql`asc`];
  if (query.cursor !== undefined) {
    const [place, id] = readPlace(query.cursor, kind);
    where.push(sql`(${key}, u.id) ${sooner} (${place}, ${id})`);
  }
  const rows = await db.query<Stored>(sql`
    select u.id, u.username, u.email, u.status, u.quota_daily, u.quota_monthly, u.created_at, t.requests, t.last_used_at, ${key} as place
    from users u left join user_total t on t.user_id = u.id
    where ${sql.join(where, ' AND ')} order by ${key} ${direction}, u.id ${direction} limit ${query.limit + 1}`);
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return { items: shown.map(toUser), nextCursor: rows.length > query.limit && last ? writePlace(last.place, last.id) : null };
}

function toUser(row: Stored): UserRow {
  return {
    id: row.id,
    username: row.username,
    email: row.email,
    status: row.status,
    quotaDaily: row.quota_daily,
    quotaMonthly: row.quota_monthly,
    createdAt: row.created_at,
    requests: row.requests ?? 0,
    lastUsedAt: row.last_used_at,
  };
}

/** The member that signs in by this address (lower-cased), or undefined. */
export async function userIdByEmail(db: Queryable, email: string): Promise<string | undefined> {
  const rows = await db.query<{ id: string }>(sql`select id from users where email = ${email} order by created_at, id limit 1`);
  return rows[0]?.id;
}
