/** What deciders know of pooled tokens, and how it is read. */
import { AppError } from '../../errors.js';
import { type Queryable, sql } from '../../infra/database/port.js';

export type SuspensionReason = 'failures' | 'upstream' | 'admin' | 'credits';

export interface TokenState {
  readonly id: string;
  readonly ownerId: string | null;
  readonly visibility: 'public' | 'private';
  readonly provider: string;
  readonly name: string | null;
  readonly dailyCap: number | null;
  readonly allowedModels: string[] | null;
  readonly status: 'active' | 'suspended' | 'invalid';
  readonly reason: SuspensionReason | null;
  /** Out of credits until then, ms since epoch. */
  readonly until: number | null;
  /** When the status last changed, ms since epoch. */
  readonly statusAt: number;
}

interface Row {
  id: string;
  owner_id: string | null;
  visibility: TokenState['visibility'];
  provider: string;
  name: string | null;
  daily_cap: number | null;
  allowed_models: string | null;
  status: TokenState['status'];
  status_reason: SuspensionReason | null;
  parked_until: number | null;
  status_at: number;
}

/** Those of the ids that exist, in the order asked for, each once. */
export async function loadTokens(tx: Queryable, ids: readonly string[]): Promise<TokenState[]> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return [];
  const rows = await tx.query<Row>(sql`
    select id, owner_id, visibility, provider, name, daily_cap, allowed_models, status, status_reason, parked_until, status_at
    from tokens where id in (${sql.join(
      wanted.map((id) => sql`${id}`),
      ', ',
    )})`);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return wanted.flatMap((id) => {
    const row = byId.get(id);
    return row === undefined ? [] : [toState(row)];
  });
}

export async function loadToken(tx: Queryable, id: string): Promise<TokenState | undefined> {
  return (await loadTokens(tx, [id]))[0];
}

export async function countTokensOf(tx: Queryable, ownerId: string): Promise<number> {
  const [row] = await tx.query<{ n: number }>(sql`select count(*) as n from tokens where owner_id = ${ownerId}`);
  return Number(row?.n ?? 0);
}

/** The token, or `not_found`. */
export function existing(token: TokenState | undefined): TokenState {
  if (token === undefined) throw new AppError('not_found');
  return token;
}

/** The form that events give to a token's status before them. */
export function standing(token: TokenState): { status: TokenState['status']; reason: SuspensionReason | null; until: number | null } {
  return { status: token.status, reason: token.reason, until: token.until };
}

function toState(row: Row): TokenState {
  return {
    id: row.id,
    ownerId: row.owner_id,
    visibility: row.visibility,
    provider: row.provider,
    name: row.name,
    dailyCap: row.daily_cap,
    allowedModels: row.allowed_models === null ? null : (JSON.parse(row.allowed_models) as string[]),
    status: row.status,
    reason: row.status_reason,
    until: row.parked_until,
    statusAt: row.status_at,
  };
}
