/** Credentials on real databases: one refresh at a time, and no rotated token lost. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Database, sql } from '../../infra/database/port.js';
import { openTestDatabase, suiteEngine, type TestDatabase } from '../../infra/database/testing/engines.js';
import { createVault, VaultError } from '../../infra/vault.js';
import { claimRefresh, fingerprintTaken, insertCredential, readCredential, releaseClaim, storeRefreshed } from './credentials.js';

const vault = createVault({ key: 'a key for this test' });
const row = { tokenId: 't1', authType: 'social', fingerprint: 'f1', secret: { refreshToken: 'old' } };
const fresh = {
  tokenId: 't1',
  expectedVersion: 1,
  secret: { refreshToken: 'new' },
  access: { value: 'access', expiresAt: 9_000, facts: { profileArn: 'arn' } },
};

describe('credentials', () => {
  let store: TestDatabase;
  let db: Database;
  const claim = (claimant: string, over: { version?: number; now?: number } = {}) =>
    claimRefresh(db, { tokenId: 't1', version: 1, claimant, ttlMs: 1_000, now: 5_000, ...over });

  beforeEach(async () => {
    store = await openTestDatabase(suiteEngine(), { partitions: 1, inMemory: true });
    db = store.db;
    await insertCredential(db, vault, row);
  });
  afterEach(() => store.end());

  test('one credential is kept once', async () => {
    expect(await insertCredential(db, vault, { ...row, tokenId: 't2' })).toBe(false);
    expect(await insertCredential(db, vault, { ...row, fingerprint: 'f2' })).toBe(false);
    expect(await fingerprintTaken(db, 'f1')).toBe(true);
    expect(await fingerprintTaken(db, 'f2')).toBe(false);
  });

  test('of many claimants one gets the claim, until it ends, is given up or runs out', async () => {
    const won = await Promise.all(Array.from({ length: 10 }, (_, n) => claim(`c${n}`)));
    expect(won.filter(Boolean)).toHaveLength(1);
    const winner = `c${won.indexOf(true)}`;
    expect(await claim('late', { now: 5_999 })).toBe(false);
    await releaseClaim(db, { tokenId: 't1', claimant: 'not-the-winner' });
    expect(await claim('late', { now: 5_999 })).toBe(false);
    await releaseClaim(db, { tokenId: 't1', claimant: winner });
    expect(await claim('late', { now: 5_999 })).toBe(true);
    expect(await claim('later', { now: 6_999 })).toBe(true);
  });

  test('a rotated secret and its access token are stored together, under the version that was read', async () => {
    expect(await claim('c')).toBe(true);
    expect(await storeRefreshed(db, vault, fresh)).toBe(true);
    expect(await readCredential(db, vault, 't1')).toEqual({ authType: 'social', secret: fresh.secret, access: fresh.access, version: 2 });
    expect(await storeRefreshed(db, vault, { ...fresh, secret: { refreshToken: 'stale' } })).toBe(false);
    expect((await readCredential(db, vault, 't1'))?.secret).toEqual({ refreshToken: 'new' });
    expect(await claim('c', { version: 1 })).toBe(false);
    expect(await claim('d', { version: 2 })).toBe(true);
  });

  test('a refresh of a removed credential stores nothing', async () => {
    expect(await storeRefreshed(db, vault, { ...fresh, tokenId: 'gone' })).toBe(false);
  });

  test('a sealed secret moved to another row does not open', async () => {
    await insertCredential(db, vault, { ...row, tokenId: 't2', fingerprint: 'f2' });
    await db.query(
      sql`update vault_credentials set secret_enc = (select secret_enc from vault_credentials where token_id = 't1') where token_id = 't2'`,
    );
    await expect(readCredential(db, vault, 't2')).rejects.toThrow(VaultError);
  });
});
