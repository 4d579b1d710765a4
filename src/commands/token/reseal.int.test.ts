/** Moving credentials to a new key: whole rows whatever happens, what does not open is kept and told, refreshes go on. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, sql } from '../../infra/database/port.js';
import { openTestDatabase, suiteEngine, type TestDatabase } from '../../infra/database/testing/engines.js';
import { createVault } from '../../infra/vault.js';
import { insertCredential, readCredential, storeRefreshed } from './credentials.js';
import { countByKey, resealCredentials } from './reseal.js';

const former = createVault({ key: 'the former key text' });
const both = createVault({ key: 'the present key text', previous: 'the former key text' });
const present = createVault({ key: 'the present key text' });

let store: TestDatabase;
let db: Database;
beforeEach(async () => {
  store = await openTestDatabase(suiteEngine());
  db = store.db;
});
afterEach(() => store.end());

const access = { value: 'access-text', expiresAt: 5_000, facts: {} } as never;
const donate = async (id: string, vault = former): Promise<void> => {
  const credential = { tokenId: id, authType: 'social', fingerprint: `f-${id}`, secret: { refreshToken: `secret-of-${id}` } };
  await db.tx((tx) => insertCredential(tx, vault, credential));
};
const refresh = (id: string, version: number, vault = former): Promise<boolean> =>
  db.tx((tx) => storeRefreshed(tx, vault, { tokenId: id, expectedVersion: version, secret: { refreshToken: `${id}@${version}` }, access }));
const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${String(i).padStart(3, '0')}`);
const opens = async (id: string): Promise<unknown> => (await readCredential(db, present, id))?.secret['refreshToken'];

describe('credentials under a former key', () => {
  it('move to the present one with their contents and versions, and a second run finds nothing to do', async () => {
    for (const id of ids(7)) await donate(id);
    await refresh('t003', 1);
    await donate('fresh', both);
    const seen: number[] = [];
    const moved = await resealCredentials({ db, vault: both, batch: 3, onProgress: ({ done, total }) => seen.push(done, total) });
    expect(moved).toEqual({ resealed: 7, unreadable: [], remaining: 0 });
    expect(seen).toEqual([3, 7, 6, 7, 7, 7]);
    expect(await readCredential(db, present, 't003')).toMatchObject({ version: 2, secret: { refreshToken: 't003@1' }, access });
    expect(await opens('t006')).toBe('secret-of-t006');
    expect([...(await countByKey(db))]).toEqual([[present.keyId, 8]]);
    expect(await resealCredentials({ db, vault: both })).toEqual({ resealed: 0, unreadable: [], remaining: 0 });
  });

  it('are whole under one key or the other when the run dies midway, and the next run moves the rest', async () => {
    for (const id of ids(9)) await donate(id);
    let batches = 0;
    const dying: Database = {
      ...db,
      engine: db.engine,
      query: (query) => db.query(query),
      tx: (work) =>
        db.tx(async (tx) => {
          const done = await work(tx);
          batches += 1;
          if (batches === 3) throw new Error('killed before the commit');
          return done;
        }),
    };
    await expect(resealCredentials({ db: dying, vault: both, batch: 2 })).rejects.toThrow('killed');
    expect(await countByKey(db)).toEqual(
      new Map([
        [former.keyId, 5],
        [present.keyId, 4],
      ]),
    );
    for (const id of ids(9)) expect((await readCredential(db, both, id))?.secret['refreshToken']).toBe(`secret-of-${id}`);
    expect(await resealCredentials({ db, vault: both, batch: 2 })).toEqual({ resealed: 5, unreadable: [], remaining: 0 });
  });

  it('that do not open are told and kept, and their readable part moves', async () => {
    const lost = createVault({ key: 'a key that was lost' });
    for (const id of ['a', 'b', 'c', 'd']) await donate(id);
    await donate('e', lost);
    await refresh('b', 1);
    await db.query(sql`update vault_credentials set access_enc = 'no record' where token_id = 'b'`);
    await db.query(
      sql`update vault_credentials set secret_enc = (select secret_enc from vault_credentials where token_id = 'a') where token_id = 'c'`,
    );
    const before = await db.query(sql`select token_id, secret_enc from vault_credentials where token_id in ('c', 'e') order by 1`);
    const moved = await resealCredentials({ db, vault: both, batch: 2 });
    expect(moved).toEqual({
      resealed: 2,
      unreadable: [
        { tokenId: 'b', part: 'access', reason: 'damaged' },
        { tokenId: 'c', part: 'secret', reason: 'damaged' },
        { tokenId: 'e', part: 'secret', reason: 'unknown_key' },
      ],
      remaining: 3,
    });
    expect(await db.query(sql`select token_id, secret_enc from vault_credentials where token_id in ('c', 'e') order by 1`)).toEqual(before);
    const [b] = await db.query<{ secret_enc: string }>(sql`select secret_enc from vault_credentials where token_id = 'b'`);
    expect(present.open(b?.secret_enc ?? '', 'credential/b/secret')).toContain('b@1');
  });

  it('stay readable for nodes without the new key until they are moved, also when one with it refreshes them', async () => {
    await donate('a');
    expect(await refresh('a', 1, both)).toBe(true);
    expect((await readCredential(db, former, 'a'))?.secret['refreshToken']).toBe('a@1');
    await resealCredentials({ db, vault: both });
    expect(await refresh('a', 2, both)).toBe(true);
    expect(await opens('a')).toBe('a@2');
  });

  it('lose no refresh that comes while they move, and none is left behind', async () => {
    for (const id of ids(40)) await donate(id);
    const refreshed = Promise.all(ids(40).map((id) => refresh(id, 1, both)));
    const moved = resealCredentials({ db, vault: both, batch: 4 });
    expect(await refreshed).toEqual(ids(40).map(() => true));
    expect((await moved).unreadable).toEqual([]);
    // One that was refreshed behind the run's back would still be under the former key.
    expect((await resealCredentials({ db, vault: both })).remaining).toBe(0);
    for (const id of ids(40)) expect(await opens(id)).toBe(`${id}@1`);
  });
});
