/** Accounts elsewhere that members sign in by: kept in the vault under a hash, so that nobody learns who they are there. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Queryable, sql } from '../../infra/database/port.js';

export const identityProvider = z.enum(['github', 'oidc']);
export type IdentityProvider = z.output<typeof identityProvider>;

/** SHA-256 (hex) of where somebody is known and as whom. `issuer`: the provider's own address, with or without a slash at its end. */
export function identityOf(provider: IdentityProvider, issuer: string, subject: string): string {
  return createHash('sha256')
    .update(JSON.stringify([provider, issuer.replace(/\/$/, ''), subject]))
    .digest('hex');
}

/** The member behind an identity, or undefined. */
export async function findIdentity(db: Queryable, identity: string): Promise<string | undefined> {
  const rows = await db.query<{ user_id: string }>(sql`select user_id from vault_identities where identity = ${identity}`);
  return rows[0]?.user_id;
}

export async function identitiesOf(db: Queryable, userId: string): Promise<IdentityProvider[]> {
  const rows = await db.query<{ provider: string }>(
    sql`select provider from vault_identities where user_id = ${userId} order by linked_at`,
  );
  return rows.flatMap(({ provider }) => identityProvider.safeParse(provider).data ?? []);
}

export async function insertIdentity(
  tx: Queryable,
  row: { readonly identity: string; readonly userId: string; readonly provider: IdentityProvider; readonly now: number },
): Promise<void> {
  await tx.query(sql`insert into vault_identities (identity, user_id, provider, linked_at)
    values (${row.identity}, ${row.userId}, ${row.provider}, ${row.now})`);
}
