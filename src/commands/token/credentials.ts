/** Upstream credentials in the vault: sealed under their token's id, refreshed under a claim and a version. */
import { databaseNow } from '../../infra/database/databaseNow.js';
import { forUpdate, type Queryable, type SQLQuery, sql } from '../../infra/database/port.js';
import type { Vault } from '../../infra/vault.js';
import type { AccessToken, CredentialSecret } from '../../upstreams/define.js';

export interface StoredCredential {
  readonly authType: string;
  readonly secret: CredentialSecret;
  readonly access: AccessToken | null;
  /** Raised by every stored refresh. */
  readonly version: number;
}

/** What of a sealed row is what: a secret never opens as an access token, nor under another token's id. */
export const secretAad = (tokenId: string): string => `credential/${tokenId}/secret`;
export const accessAad = (tokenId: string): string => `credential/${tokenId}/access`;

export async function fingerprintTaken(db: Queryable, fingerprint: string): Promise<boolean> {
  return (await db.query(sql`select 1 as one from vault_credentials where fingerprint = ${fingerprint} limit 1`)).length > 0;
}

export interface NewCredential {
  readonly tokenId: string;
  readonly authType: string;
  /** SHA-256 hex; unique over all credentials. */
  readonly fingerprint: string;
  readonly secret: CredentialSecret;
}

/** False: a credential with this id or fingerprint is there already, and stays as it is. */
export async function insertCredential(db: Queryable, vault: Vault, credential: NewCredential): Promise<boolean> {
  const sealed = vault.seal(JSON.stringify(credential.secret), secretAad(credential.tokenId));
  const rows = await db.query(sql`
    insert into vault_credentials (token_id, fingerprint, auth_type, secret_enc, version)
    values (${credential.tokenId}, ${credential.fingerprint}, ${credential.authType}, ${sealed}, 1)
    on conflict do nothing returning token_id`);
  return rows.length > 0;
}

export async function deleteCredential(db: Queryable, tokenId: string): Promise<void> {
  await db.query(sql`delete from vault_credentials where token_id = ${tokenId}`);
}

/** undefined: there is none, or it was removed. Throws VaultError when it cannot be opened. */
export async function readCredential(db: Queryable, vault: Vault, tokenId: string): Promise<StoredCredential | undefined> {
  const [row] = await db.query<{ auth_type: string; secret_enc: string; access_enc: string | null; version: number }>(
    sql`select auth_type, secret_enc, access_enc, version from vault_credentials where token_id = ${tokenId}`,
  );
  if (row === undefined) return undefined;
  return {
    authType: row.auth_type,
    secret: JSON.parse(vault.open(row.secret_enc, secretAad(tokenId))) as CredentialSecret,
    access: row.access_enc === null ? null : (JSON.parse(vault.open(row.access_enc, accessAad(tokenId))) as AccessToken),
    version: row.version,
  };
}

export interface RefreshClaim {
  readonly tokenId: string;
  /** The version that is to be refreshed. */
  readonly version: number;
  /** Who claims; unique per flight or node run. */
  readonly claimant: string;
  /** A claimant that dies blocks others no longer than this. */
  readonly ttlMs: number;
  /** For tests, ms since epoch. Otherwise the database's clock: nodes whose own clocks differ must not take each other's claims. */
  readonly now?: number | undefined;
}

const timeOf = (db: Queryable, now: number | undefined): SQLQuery =>
  now === undefined ? databaseNow(db.engine) : sql`cast(${now} as bigint)`;

/** One statement, so that of many claimants one gets true. False: somebody else holds a live claim, or the version moved on. */
export async function claimRefresh(db: Queryable, claim: RefreshClaim): Promise<boolean> {
  const now = timeOf(db, claim.now);
  const rows = await db.query(sql`
    update vault_credentials set claimed_by = ${claim.claimant}, claimed_until = ${now} + cast(${claim.ttlMs} as bigint)
    where token_id = ${claim.tokenId} and version = ${claim.version}
      and (claimed_until is null or claimed_until <= ${now} or claimed_by = ${claim.claimant})
    returning token_id`);
  return rows.length > 0;
}

export interface Refreshed {
  readonly tokenId: string;
  readonly expectedVersion: number;
  readonly secret: CredentialSecret;
  readonly access: AccessToken;
}

/**
 * Stores rotated secret and access token at once and ends the claim; within a transaction. False: the version moved on, or
 * the token was removed. Both stay under the key of what they replace, since while keys are rotated some nodes may not have
 * the new one yet: `kirogate keys rotate` moves them, when all have.
 */
export async function storeRefreshed(tx: Queryable, vault: Vault, refreshed: Refreshed): Promise<boolean> {
  const { tokenId, expectedVersion, secret, access } = refreshed;
  const [row] = await tx.query<{ secret_enc: string }>(
    sql`select secret_enc from vault_credentials where token_id = ${tokenId} and version = ${expectedVersion} ${forUpdate(tx.engine)}`,
  );
  if (row === undefined) return false;
  const seal = (value: unknown, aad: string): string => vault.sealLike(row.secret_enc, JSON.stringify(value), aad);
  const rows = await tx.query(sql`
    update vault_credentials set
      secret_enc = ${seal(secret, secretAad(tokenId))},
      access_enc = ${seal(access, accessAad(tokenId))},
      access_expires_at = ${access.expiresAt},
      version = version + 1, claimed_by = null, claimed_until = null
    where token_id = ${tokenId} and version = ${expectedVersion}
    returning token_id`);
  return rows.length > 0;
}

/** A refresh that somebody else began and neither stored nor gave up: its node died, or stands still with the answer in its hands. */
export interface UnfinishedClaim {
  readonly claimant: string;
  /** When it ran out, ms since epoch. */
  readonly until: number;
  /** How long ago that is; negative while it holds. */
  readonly agoMs: number;
}

export async function unfinishedClaim(
  db: Queryable,
  claim: Pick<RefreshClaim, 'tokenId' | 'claimant' | 'now'>,
): Promise<UnfinishedClaim | undefined> {
  const [row] = await db.query<{ claimant: string; until: number; now: number }>(sql`
    select claimed_by as claimant, claimed_until as ${sql.ident('until')}, ${timeOf(db, claim.now)} as ${sql.ident('now')}
    from vault_credentials where token_id = ${claim.tokenId} and claimed_by <> ${claim.claimant}`);
  return row && { claimant: row.claimant, until: row.until, agoMs: row.now - row.until };
}

/** Gives a claim up; somebody else's stays. `back`: the unfinished one that it had taken the place of stands there again. */
export async function releaseClaim(
  db: Queryable,
  claim: { readonly tokenId: string; readonly claimant: string; readonly back?: UnfinishedClaim | undefined },
): Promise<void> {
  await db.query(sql`
    update vault_credentials set claimed_by = ${claim.back?.claimant ?? null}, claimed_until = ${claim.back?.until ?? null}
    where token_id = ${claim.tokenId} and claimed_by = ${claim.claimant}`);
}

const HOUR_MS = 3_600_000;
/** A caller's own credential that nobody used for so long is forgotten; its caller brings it again, with a rotation perhaps lost. */
const EXTERNAL_KEPT_MS = 30 * 86_400_000;
/** Forgotten with one that is new: the table shrinks faster than it can grow, and no statement is long. */
const FORGOTTEN_AT_ONCE = 20;

/** Keeps a caller's own credential, once, and notes to the hour that it is used. A new one pushes out what nobody uses. */
export async function keepExternalCredential(db: Queryable, vault: Vault, credential: NewCredential, at?: number): Promise<void> {
  const now = timeOf(db, at);
  const { tokenId } = credential;
  const isNew = await insertCredential(db, vault, credential);
  await db.query(sql`
    update vault_credentials set used_at = ${now}
    where token_id = ${tokenId} and (used_at is null or used_at < ${now} - cast(${HOUR_MS} as bigint))`);
  if (!isNew) return;
  await db.query(sql`
    delete from vault_credentials where token_id in (
      select token_id from vault_credentials
      where used_at < ${now} - cast(${EXTERNAL_KEPT_MS} as bigint) and (claimed_until is null or claimed_until <= ${now})
      order by used_at limit ${FORGOTTEN_AT_ONCE})`);
}
