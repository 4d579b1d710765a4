/** Members' password hashes in the vault: written by commands, read by the sign-in. */
import { z } from 'zod';
import { type Queryable, sql } from '../../infra/database/port.js';

/** Long enough for phrases, short enough that hashing one costs the same as any. */
export const password = z.string().min(8).max(200);

/** Lower-cased: one mailbox, one account. */
export const email = z
  .string()
  .overwrite((text) => text.trim().toLowerCase())
  .max(254)
  .regex(/^[^\s@\u0000-\u001f]+@[^\s@\u0000-\u001f]+\.[^\s@\u0000-\u001f]+$/, 'not an e-mail address');

/** The encoded hash, or null: unknown, or signs in by other means. Give it to `Passwords.verify` either way. */
export async function readPasswordHash(db: Queryable, userId: string): Promise<string | null> {
  const rows = await db.query<{ hash: string }>(sql`select hash from vault_passwords where user_id = ${userId}`);
  return rows[0]?.hash ?? null;
}

export async function writePasswordHash(tx: Queryable, userId: string, hash: string): Promise<void> {
  await tx.query(sql`
    insert into vault_passwords (user_id, hash) values (${userId}, ${hash})
    on conflict (user_id) do update set hash = excluded.hash`);
}
