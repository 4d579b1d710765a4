/** What the target has of an old KiroGate, asked in few statements: once to plan by, and once more when nobody can change it. */
import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Queryable, type SQLQuery, sql } from '../../infra/database/port.js';
import { rowsOf } from '../../infra/database/rows.js';
import type { Settings } from '../../shared/settings.js';
import { loadSettings } from '../config/state.js';
import { accountsOf } from './old/accounts.js';
import type { OldInstallation, TakenTable } from './old/read.js';
import type { OldSecrets } from './old/secrets.js';
import { emailOf, exactText, idOf, type OldRow, textOf } from './old/values.js';
import type { Kind, Known } from './plan.js';

const PAGE = 2_000;

/** Tables of the kinds whose ids are kept where they are free. */
const homes: Readonly<Partial<Record<Kind, { readonly table: string; readonly from: TakenTable }>>> = {
  user: { table: 'users', from: 'users' },
  token: { table: 'tokens', from: 'tokens' },
  key: { table: 'api_keys', from: 'api_keys' },
  'import-key': { table: 'import_keys', from: 'import_keys' },
  announcement: { table: 'announcements', from: 'announcements' },
};

/** What the old rows name, and the target is asked for. */
export interface Wanted {
  readonly ids: ReadonlyMap<string, readonly string[]>;
  readonly emails: readonly string[];
  readonly identities: readonly string[];
  readonly keyHashes: readonly string[];
  readonly importHashes: readonly string[];
  readonly fingerprints: readonly string[];
}

/** Yields after each row, because every secret is opened; the last answer is all of it. */
export function* wantedOf(old: OldInstallation, secrets: OldSecrets): Generator<void, Wanted> {
  function* column(table: TakenTable, read: (row: OldRow) => readonly (string | null)[]): Generator<void, string[]> {
    const found = new Set<string>();
    for (const row of old.tables.get(table) ?? []) {
      yield;
      for (const value of read(row)) if (value !== null) found.add(value);
    }
    return [...found];
  }
  const ids = new Map<string, readonly string[]>();
  for (const [kind, { from }] of Object.entries(homes)) ids.set(kind, yield* column(from, (row) => [idOf(row.id)]));
  return {
    ids,
    emails: yield* column('users', (row) => [emailOf(row)]),
    identities: yield* column('users', (row) => accountsOf(row).map(({ identity }) => identity)),
    keyHashes: yield* column('api_keys', (row) => [textOf(row.key_hash, 100)?.toLowerCase() ?? null]),
    importHashes: yield* column('import_keys', (row) => [textOf(row.key_hash, 100)?.toLowerCase() ?? null]),
    fingerprints: yield* column('tokens', (row) => {
      const sealed = exactText(row.refresh_token_encrypted);
      const clear = sealed === null ? null : secrets.open(sealed);
      return [clear === null ? null : hash('sha256', clear.trim(), 'hex')];
    }),
  };
}

type Ids = ReadonlyMap<string, string>;

/** What was found, to be compared with what is found later. */
interface Found {
  readonly remembered: Ids;
  readonly given: ReadonlySet<string>;
  readonly byEmail: Ids;
  readonly byIdentity: Ids;
  readonly byKeyHash: Ids;
  readonly byImportHash: Ids;
  readonly byFingerprint: Ids;
  readonly bans: ReadonlySet<string>;
  readonly stored: Partial<Settings>;
}

export interface KnownHere extends Known {
  readonly found: Found;
}

export async function readKnown(tx: Queryable, wanted: Wanted, defaults: Settings): Promise<KnownHere> {
  const { remembered, given } = await rememberedRows(tx);
  for (const [kind, { table }] of Object.entries(homes))
    for (const { value } of await matching(tx, sql`id`, sql.ident(table), sql`id`, wanted.ids.get(kind) ?? []))
      given.add(`${kind} ${value}`);
  const { stored, merged } = await loadSettings(tx, defaults);
  const found: Found = {
    remembered,
    given,
    byEmail: await idsBy(tx, sql`email`, sql`users`, sql`id`, wanted.emails),
    byIdentity: await idsBy(tx, sql`identity`, sql`vault_identities`, sql`user_id`, wanted.identities),
    byKeyHash: await idsBy(tx, sql`hash`, sql`vault_keys`, sql`key_id`, wanted.keyHashes),
    byImportHash: await idsBy(tx, sql`hash`, sql`vault_import_keys`, sql`import_key_id`, wanted.importHashes),
    byFingerprint: await idsBy(tx, sql`fingerprint`, sql`vault_credentials`, sql`token_id`, wanted.fingerprints),
    bans: new Set((await tx.query<{ cidr: string }>(sql`select cidr from ip_bans`)).map(({ cidr }) => cidr)),
    stored,
  };
  return {
    found,
    remembered: (kind, natural) => remembered.get(`${kind} ${natural}`),
    isTaken: (kind, id) => given.has(`${kind} ${id}`),
    userByEmail: (email) => found.byEmail.get(email),
    userByIdentity: (identity) => found.byIdentity.get(identity),
    keyByHash: (keyHash) => found.byKeyHash.get(keyHash),
    importKeyByHash: (keyHash) => found.byImportHash.get(keyHash),
    tokenByFingerprint: (fingerprint) => found.byFingerprint.get(fingerprint),
    isBanned: (cidr) => found.bans.has(cidr),
    storedSettings: stored,
    settings: merged,
  };
}

/** Would a plan made of the one be made of the other too? */
export function isSame({ found: one }: KnownHere, { found: other }: KnownHere): boolean {
  return isDeepStrictEqual(one, other);
}

/** A page at a time: after a large import there are as many as it had rows. */
async function rememberedRows(tx: Queryable): Promise<{ remembered: Map<string, string>; given: Set<string> }> {
  const remembered = new Map<string, string>();
  const given = new Set<string>();
  let after: SQLQuery = sql`true`;
  for (;;) {
    const rows = await tx.query<{ kind: Kind; natural_key: string; id: string }>(
      sql`select kind, natural_key, id from imported_rows where ${after} order by kind, natural_key limit ${PAGE}`,
    );
    for (const row of rows) {
      remembered.set(`${row.kind} ${row.natural_key}`, row.id);
      given.add(`${row.kind} ${row.id}`);
    }
    const last = rows.at(-1);
    if (rows.length < PAGE || last === undefined) return { remembered, given };
    after = sql`(kind, natural_key) > (${last.kind}, ${last.natural_key})`;
  }
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
