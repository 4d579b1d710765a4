/** Moves upstream credentials to the current encryption key, batch by batch, while nodes serve. */
import { type Database, forUpdate, type Queryable, sql } from '../../infra/database/port.js';
import { keyIdOf, type Vault, VaultError } from '../../infra/vault.js';
import { accessAad, secretAad } from './credentials.js';

export interface Unreadable {
  readonly tokenId: string;
  readonly part: 'secret' | 'access';
  /** `unknown_key`: sealed with a key that is not at hand. `damaged`: altered, or no record of ours. */
  readonly reason: VaultError['reason'];
}

export interface ResealProgress {
  /** Credentials looked at, and how many there were to look at. */
  readonly done: number;
  readonly total: number;
}

export interface ResealOptions {
  readonly db: Database;
  readonly vault: Vault;
  /** Credentials in one transaction; default 100. */
  readonly batch?: number;
  readonly onProgress?: (progress: ResealProgress) => void;
}

export interface Resealed {
  /** Credentials now under the current key that were not before. */
  readonly resealed: number;
  /** Kept as they are. */
  readonly unreadable: readonly Unreadable[];
  /** Credentials that are still not wholly under the current key, the unreadable ones. */
  readonly remaining: number;
}

const BATCH = 100;

/**
 * Each batch is one transaction, so that a run that is killed leaves whole rows and the next run goes on with what is
 * left. Contents and versions stay, so that a refresh under way is not disturbed.
 */
export async function resealCredentials({ db, vault, batch = BATCH, onProgress }: ResealOptions): Promise<Resealed> {
  const total = await countStale(db, vault);
  const unreadable: Unreadable[] = [];
  let resealed = 0;
  let done = 0;
  let after = '';
  for (;;) {
    const step = await db.tx((tx) => resealBatch(tx, vault, after, batch));
    if (step.last === null) break;
    after = step.last;
    resealed += step.resealed;
    unreadable.push(...step.unreadable);
    done += step.seen;
    onProgress?.({ done, total: Math.max(total, done) });
  }
  return { resealed, unreadable, remaining: await countStale(db, vault) };
}

/** How many credentials name which key; under '' what is no record. A credential counts once for each key it names. */
export async function countByKey(db: Queryable): Promise<ReadonlyMap<string, number>> {
  // `v1.` and eight digits of the key's id: enough to tell them apart without moving what is sealed.
  const rows = await db.query<{ secret: string; access: string | null; count: number | string }>(sql`
    select substr(secret_enc, 1, 12) as secret, substr(access_enc, 1, 12) as access, count(*) as count
    from vault_credentials group by 1, 2`);
  const counts = new Map<string, number>();
  for (const row of rows) {
    const named = new Set([keyIdOf(row.secret) ?? '', ...(row.access === null ? [] : [keyIdOf(row.access) ?? ''])]);
    for (const id of named) counts.set(id, (counts.get(id) ?? 0) + Number(row.count));
  }
  return counts;
}

/** Credentials with a part that the current key did not seal. */
const isStale = (vault: Vault) => {
  const head = `v1.${vault.keyId}.`;
  return sql`(substr(secret_enc, 1, 12) <> ${head} or (access_enc is not null and substr(access_enc, 1, 12) <> ${head}))`;
};

async function countStale(db: Queryable, vault: Vault): Promise<number> {
  const [row] = await db.query<{ count: number | string }>(sql`select count(*) as count from vault_credentials where ${isStale(vault)}`);
  return Number(row?.count ?? 0);
}

interface Step {
  readonly seen: number;
  readonly resealed: number;
  readonly unreadable: readonly Unreadable[];
  /** Where the next batch goes on; null: nothing was left. */
  readonly last: string | null;
}

async function resealBatch(tx: Queryable, vault: Vault, after: string, limit: number): Promise<Step> {
  const rows = await tx.query<{ token_id: string; secret_enc: string; access_enc: string | null }>(sql`
    select token_id, secret_enc, access_enc from vault_credentials
    where token_id > ${after} and ${isStale(vault)} order by token_id limit ${limit} ${forUpdate(tx.engine)}`);
  const unreadable: Unreadable[] = [];
  let resealed = 0;
  for (const { token_id: tokenId, secret_enc, access_enc } of rows) {
    const before = unreadable.length;
    const move = (sealed: string, part: Unreadable['part'], aad: string): string => {
      const moved = reseal(vault, sealed, aad);
      if (typeof moved === 'string') return moved;
      unreadable.push({ tokenId, part, reason: moved.reason });
      return sealed;
    };
    const secret = move(secret_enc, 'secret', secretAad(tokenId));
    const access = access_enc === null ? null : move(access_enc, 'access', accessAad(tokenId));
    await tx.query(sql`update vault_credentials set secret_enc = ${secret}, access_enc = ${access} where token_id = ${tokenId}`);
    if (unreadable.length === before) resealed += 1;
  }
  return { seen: rows.length, resealed, unreadable, last: rows.at(-1)?.token_id ?? null };
}

/** Under the current key; what does not open answers why. */
function reseal(vault: Vault, sealed: string, aad: string): string | VaultError {
  try {
    return vault.isStale(sealed) ? vault.seal(vault.open(sealed, aad), aad) : sealed;
  } catch (error) {
    if (error instanceof VaultError) return error;
    throw error;
  }
}
