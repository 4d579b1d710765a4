/** What deciders know of import keys, and how a bearer is recognised. */
import { type Queryable, sql } from '../../infra/database/port.js';

export interface ImportKeyState {
  readonly name: string;
  readonly prefix: string;
  readonly status: 'active' | 'revoked';
}

export async function loadImportKey(tx: Queryable, id: string): Promise<ImportKeyState | undefined> {
  return (await tx.query<ImportKeyState>(sql`select name, prefix, status from import_keys where id = ${id}`))[0];
}

/** The active import key of that SHA-256 (hex), or undefined. `userId`: whose tokens it donates; null: the site. */
export async function findImportKey(
  db: Queryable,
  hash: string,
): Promise<{ readonly id: string; readonly userId: string | null } | undefined> {
  const [row] = await db.query<{ id: string; user_id: string | null }>(sql`
    select k.id, k.user_id from vault_import_keys v join import_keys k on k.id = v.import_key_id
    where v.hash = ${hash} and k.status = 'active'`);
  return row && { id: row.id, userId: row.user_id };
}
