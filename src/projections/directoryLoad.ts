/** Reads the directory's rows from the tables; what was read is put into memory in one step, so that nobody sees half of it. */
import type { Queryable } from '../infra/database/port.js';
import type { Rows } from './directoryAhead.js';
import { readIpBans, readKeyHashes, readKeys, readSettings, readTokens, readUsers, type Which } from './directoryRows.js';
import type { Touched } from './directoryTouched.js';

/** Everything that the directory remembers. */
export interface Memory extends Rows {
  /** SHA-256 (hex) → key id. */
  readonly keyIds: Map<string, string>;
}

export const emptyMemory = (): Memory => ({
  users: new Map(),
  keys: new Map(),
  tokens: new Map(),
  settings: new Map(),
  bans: new Map(),
  keyIds: new Map(),
});

/** Names every id that is known: the tables were rebuilt. */
export function nameAll(touched: Touched, { users, keys, tokens }: Memory): void {
  for (const id of users.keys()) touched.users.add(id);
  for (const id of keys.keys()) touched.keys.add(id);
  for (const id of tokens.keys()) touched.tokens.add(id);
  touched.settings = touched.bans = true;
}

/** Reads all rows, or those that were touched; the answer puts them into memory. Rows that are gone leave. */
export async function readInto(memory: Memory, db: Queryable, which: Touched | 'all'): Promise<() => void> {
  const whole = which === 'all' || which.all;
  const some = (ids: ReadonlySet<string>): Which => (whole ? 'all' : [...ids]);
  const read = async <T>(ids: Which, from: (db: Queryable, which: Which) => Promise<T[]>): Promise<T[]> =>
    ids === 'all' || ids.length > 0 ? from(db, ids) : [];
  const nobody: ReadonlySet<string> = new Set();
  const asked = which === 'all' ? { users: nobody, keys: nobody, tokens: nobody, settings: true, bans: true } : which;
  const [userIds, keyIds, tokenIds] = [some(asked.users), some(asked.keys), some(asked.tokens)];
  const users = await read(userIds, readUsers);
  const tokens = await read(tokenIds, readTokens);
  const keys = await read(keyIds, readKeys);
  const hashes = await read(keyIds, readKeyHashes);
  const settings = whole || asked.settings ? await readSettings(db) : null;
  const bans = whole || asked.bans ? await readIpBans(db) : null;
  return () => {
    replace(memory.users, userIds, users);
    replace(memory.tokens, tokenIds, tokens);
    replace(memory.keys, keyIds, keys);
    for (const { keyId, hash } of hashes) memory.keyIds.set(hash, keyId);
    if (settings) refill(memory.settings, Object.entries(settings));
    if (bans)
      refill(
        memory.bans,
        bans.map(({ id, cidr }) => [id, cidr] as const),
      );
  };
}

function replace<T extends { readonly id: string }>(known: Map<string, T>, which: Which, rows: readonly T[]): void {
  const found = new Map(rows.map((row) => [row.id, row]));
  for (const id of which === 'all' ? [...known.keys()] : which) if (!found.has(id)) known.delete(id);
  for (const [id, row] of found) known.set(id, row);
}

function refill<V>(known: Map<string, V>, entries: readonly (readonly [string, V])[]): void {
  known.clear();
  for (const [name, value] of entries) known.set(name, value);
}
