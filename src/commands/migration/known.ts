/** What the target has of an old KiroGate, asked in few statements, inside the transaction that decides. */
import { hash } from 'node:crypto';
import { type Queryable, type SQLQuery, sql } from '../../infra/database/port.js';
import { rowsOf } from '../../infra/database/rows.js';
import type { Settings } from '../../shared/settings.js';
import { loadSettings } from '../config/state.js';
import { accountsOf } from './old/accounts.js';
import type { OldInstallation, takenTables } from './old/read.js';
import type { OldSecrets } from './old/secrets.js';
import { exactText, idOf, textOf } from './old/values.js';
import type { Kind, Known } from './plan.js';

const PAGE = 2_000;

/** Tables of the kinds whose ids are kept where they are free. */
const homes: Readonly<Partial<Record<Kind, { readonly table: string; readonly from: (typeof takenTables)[number] }>>> = {
  user: { table: 'users', from: 'users' },
  token: { table: 'tokens', from: 'tokens' },
  key: { table: 'api_keys', from: 'api_keys' },
  'import-key': { table: 'import_keys', from: 'import_keys' },
  announcement: { table: 'announcements', from: 'announcements' },
};

export async function readKnown(tx: Queryable, old: OldInstallation, secrets: OldSecrets, defaults: Settings): Promise<Known> {
  const column = (table: (typeof takenTables)[number], read: (row: Readonly<Record<string, unknown>>) => string | null): string[] => [
    ...new Set((old.tables.get(table) ?? []).map(read).filter((value) => value !== null)),
  ];
  const remembered = new Map<string, string>();
  const given = new Set<string>();
  for (const row of await tx.query<{ kind: Kind; natural_key: string; id: string }>(sql`select kind, natural_key, id from imported_rows`)) {
    remembered.set(`${row.kind} ${row.natural_key}`, row.id);
    given.add(`${row.kind} ${row.id}`);
  }
  for (const [kind, { table, from }] of Object.entries(homes)) {
    const ids = column(from, (row) => idOf(row.id));
    for (const { value } of await matching(tx, sql`id`, sql.ident(table), sql`id`, ids)) given.add(`${kind} ${value}`);
  }
  const emails = column('users', (row) => textOf(row.email, 254)?.toLowerCase() ?? null);
  const keyHashes = column('api_keys', (row) => textOf(row.key_hash, 100)?.toLowerCase() ?? null);
  const importHashes = column('import_keys', (row) => textOf(row.key_hash, 100)?.toLowerCase() ?? null);
  const fingerprints = column('tokens', (row) => {
    const sealed = exactText(row.refresh_token_encrypted);
    const clear = sealed === null ? null : secrets.open(sealed);
    return clear === null ? null : hash('sha256', clear.trim(), 'hex');
  });
  const byEmail = await idsBy(tx, sql`email`, sql`users`, sql`id`, emails);
  const identities = (old.tables.get('users') ?? []).flatMap((row) => accountsOf(row).map(({ identity }) => identity));
  const byIdentity = await idsBy(tx, sql`identity`, sql`vault_identities`, sql`user_id`, [...new Set(identities)]);
  const byKeyHash = await idsBy(tx, sql`hash`, sql`vault_keys`, sql`key_id`, keyHashes);
  const byImportHash = await idsBy(tx, sql`hash`, sql`vault_import_keys`, sql`import_key_id`, importHashes);
  const byFingerprint = await idsBy(tx, sql`fingerprint`, sql`vault_credentials`, sql`token_id`, fingerprints);
  const bans = new Set((await tx.query<{ cidr: string }>(sql`select cidr from ip_bans`)).map(({ cidr }) => cidr));
  const { stored, merged } = await loadSettings(tx, defaults);
  return {
    remembered: (kind, natural) => remembered.get(`${kind} ${natural}`),
    isTaken: (kind, id) => given.has(`${kind} ${id}`),
    userByEmail: (email) => byEmail.get(email),
    userByIdentity: (identity) => byIdentity.get(identity),
    keyByHash: (keyHash) => byKeyHash.get(keyHash),
    importKeyByHash: (keyHash) => byImportHash.get(keyHash),
    tokenByFingerprint: (fingerprint) => byFingerprint.get(fingerprint),
    isBanned: (cidr) => bans.has(cidr),
    storedSettings: stored,
    settings: merged,
  };
}

async function idsBy(
  tx: Queryable,
  column: SQLQuery,
  table: SQLQuery,
  id: SQLQuery,
  values: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  return new Map((await matching(tx, column, table, id, values)).map(({ value, id: found }) => [value, found]));
}

async function matching(
  tx: Queryable,
  column: SQLQuery,
  table: SQLQuery,
  id: SQLQuery,
  values: readonly string[],
): Promise<{ value: string; id: string }[]> {
  const found: { value: string; id: string }[] = [];
  for (let from = 0; from < values.length; from += PAGE) {
    const page = values.slice(from, from + PAGE).map((value) => ({ value }));
    found.push(
      ...(await tx.query<{ value: string; id: string }>(
        sql`select ${column} as value, ${id} as id from ${table} where ${column} in (${rowsOf(tx.engine, { value: 'text' }, page)})`,
      )),
    );
  }
  return found;
}
