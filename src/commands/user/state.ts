/** What deciders know of users, and how it is read. */
import { type Queryable, sql } from '../../infra/database/port.js';

export interface UserState {
  readonly id: string;
  readonly status: 'active' | 'pending' | 'banned';
  readonly sessionVersion: number;
  readonly quotaDaily: number | null;
  readonly quotaMonthly: number | null;
}

interface Row {
  id: string;
  status: UserState['status'];
  session_version: number;
  quota_daily: number | null;
  quota_monthly: number | null;
}

/** Those of the ids that exist, in the order asked for, each once. */
export async function loadUsers(tx: Queryable, ids: readonly string[]): Promise<UserState[]> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return [];
  const rows = await tx.query<Row>(sql`
    select id, status, session_version, quota_daily, quota_monthly from users
    where id in (${sql.join(
      wanted.map((id) => sql`${id}`),
      ', ',
    )})`);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return wanted.flatMap((id) => {
    const row = byId.get(id);
    return row === undefined ? [] : [toState(row)];
  });
}

export async function loadUser(tx: Queryable, id: string): Promise<UserState | undefined> {
  return (await loadUsers(tx, [id]))[0];
}

export async function emailTaken(tx: Queryable, email: string): Promise<boolean> {
  return (await tx.query(sql`select 1 as one from users where email = ${email} limit 1`)).length > 0;
}

function toState(row: Row): UserState {
  return {
    id: row.id,
    status: row.status,
    sessionVersion: row.session_version,
    quotaDaily: row.quota_daily,
    quotaMonthly: row.quota_monthly,
  };
}
