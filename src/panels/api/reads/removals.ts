/** Proof that a token is gone: the event that says so, and the vault that holds nothing of it. */
import { type Queryable, sql } from '../../../infra/database/port.js';

export interface Removal {
  readonly eventId: string;
  /** ms since epoch */
  readonly at: number;
  /** Looked up in the vault just now. */
  readonly secretsErased: boolean;
}

/** undefined: nobody removed such a token. */
export async function removalOf(db: Queryable, tokenId: string): Promise<Removal | undefined> {
  const [event] = await db.query<{ id: string; at: number }>(sql`
    select id, at from audit where type = 'kirogate.token.removed' and target_id = ${tokenId} order by at desc, id desc limit 1`);
  if (event === undefined) return undefined;
  const left = await db.query(sql`select 1 as one from vault_credentials where token_id = ${tokenId}`);
  return { eventId: event.id, at: event.at, secretsErased: left.length === 0 };
}
