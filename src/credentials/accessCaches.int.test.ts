/** Where access tokens are found again, what callers' own tokens and removed ones get, and a vault that does not answer. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryCache } from '../infra/cache/memory.js';
import type { SharedCache } from '../infra/cache/port.js';
import { DatabaseError } from '../infra/database/errors.js';
import { sql } from '../infra/database/port.js';
import { createVault } from '../infra/vault.js';
import { createMemoryLimits } from '../limits/memory.js';
import { createMemoryOpenRecords } from '../limits/openRecords.js';
import { admitRequest, poolToken, roomy } from '../limits/testing/fixtures.js';
import { UpstreamFailure } from '../upstreams/define.js';
import type { Access } from './access.js';
import { Cluster, outcomeOf } from './testing/cluster.js';

const HOUR = 3_600_000;

let at: Cluster;
beforeEach(async () => {
  at = await Cluster.open();
});
afterEach(() => at.close());

const accessOf = async (access: Access, tokenId = 'a'): Promise<string> => (await access.get(tokenId)).access.value;

/** Counts what is asked of a cache. */
function counted(cache: SharedCache): SharedCache & { readonly reads: string[]; readonly kept: Map<string, Buffer> } {
  const reads: string[] = [];
  const kept = new Map<string, Buffer>();
  return {
    ...cache,
    reads,
    kept,
    get(key) {
      reads.push(key);
      return cache.get(key);
    },
    set(key, value, ttlMs) {
      kept.set(key, value);
      return cache.set(key, value, ttlMs);
    },
  };
}

describe('the caches (spec R3, plan 5.2)', () => {
  it('keep the 50 that were used last in memory and find the others in the shared one, without a refresh', async () => {
    const ids = Array.from({ length: 60 }, (_, i) => `t${i}`);
    for (const id of ids) await at.donate(id);
    const cache = counted(createMemoryCache({ clock: at.clock }));
    const access = await at.node({ cache });
    for (const id of ids) {
      await access.get(id);
      await access.get('t0');
    }
    cache.reads.length = 0;
    for (const id of ['t0', ...ids.slice(-49)]) await access.get(id);
    expect(cache.reads).toEqual([]);
    await access.get('t1');
    expect(cache.reads).toHaveLength(1);
    expect(at.refreshes()).toBe(60);
  });

  it('let one refresh serve all nodes without asking the vault', async () => {
    await at.donate('a');
    const cache = createMemoryCache({ clock: at.clock });
    const value = await accessOf(await at.node({ cache }));
    const read = vi.fn(() => Promise.reject(new Error('the vault was asked')));
    expect(await accessOf(await at.node({ cache, store: () => ({ read }) }))).toBe(value);
    expect(read).not.toHaveBeenCalled();
    expect(at.refreshes()).toBe(1);
  });

  it('serve what they hold while the database is lost, and nobody waits for the rest', async () => {
    await at.donate('a');
    await at.donate('b');
    const cache = createMemoryCache({ clock: at.clock });
    const value = await accessOf(await at.node({ cache }));
    const read = vi.fn(() => new Promise<never>(() => undefined));
    const access = await at.node({ cache, store: () => ({ read }), over: { databaseLost: () => true } });
    expect(await accessOf(access)).toBe(value);
    await expect(access.get('b')).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(access.atHand()).toEqual(['a']);
    // Nearly expired: it still serves, and is not refreshed now.
    at.clock.advance(HOUR - 7 * 60_000);
    expect(await accessOf(access)).toBe(value);
    expect(read).not.toHaveBeenCalled();
    at.clock.advance(5 * 60_000);
    expect(access.atHand()).toEqual([]);
  });

  it('hold nothing that can be read, nor used under another token', async () => {
    await at.donate('a', { rotate: true });
    await at.donate('b');
    const cache = counted(createMemoryCache({ clock: at.clock }));
    const { access, secret } = await (await at.node({ cache })).get('a');
    const [[key, sealed]] = [...cache.kept] as [[string, Buffer]];
    for (const plain of [access.value, String(secret['refreshToken'])]) expect(sealed.toString('utf8')).not.toContain(plain);
    await cache.set(key.replace(/a$/, 'b'), sealed, HOUR);
    expect(await accessOf(await at.node({ cache }), 'b')).not.toBe(access.value);
  });

  it('may forget at any time', async () => {
    await at.donate('a');
    const cache: SharedCache = {
      get: async () => undefined,
      set: async () => undefined,
      delete: async () => undefined,
      close: async () => undefined,
    };
    const value = await accessOf(await at.node({ cache }));
    expect(await accessOf(await at.node({ cache }))).toBe(value);
    expect(at.refreshes()).toBe(1);
  });
});

describe("a caller's own token", () => {
  it('keeps its rotation over a restart, under the refresh token that the caller knows', async () => {
    const { refreshToken } = at.sim.addCredential({ kind: 'social', id: 'own', rotate: true });
    const before = await at.node();
    const id = await before.external(refreshToken);
    expect(id).toMatch(/^ext-[0-9a-f]{32}$/);
    await before.get(id);
    expect(at.sim.refreshTokenOf('own')).not.toBe(refreshToken);
    at.clock.advance(2 * HOUR);
    const after = await at.node();
    expect(await after.external(refreshToken)).toBe(id);
    await after.get(id);
    expect((await at.stored(id))?.secret['refreshToken']).toBe(at.sim.refreshTokenOf('own'));
  });

  it('is in no pool, and does not stand in the way of the same credential as a donation', async () => {
    const { refreshToken } = at.sim.addCredential({ kind: 'social' });
    const access = await at.node();
    await access.external(refreshToken);
    expect(await at.db.query(sql`select * from tokens`)).toEqual([]);
    expect(await at.db.query(sql`select * from archive`)).toEqual([]);
    const { fingerprint } = at.kiro().parseCredential({ authType: 'social', refreshToken });
    expect(await at.db.query(sql`select * from vault_credentials where fingerprint = ${fingerprint}`)).toEqual([]);
  });

  it('is known to the limits again after they have forgotten it', async () => {
    const limits = createMemoryLimits({ clock: at.clock, random: () => 0.5, openRecords: createMemoryOpenRecords(), settings: roomy });
    const { refreshToken } = at.sim.addCredential({ kind: 'social' });
    const registerExternal = (id: string): Promise<void> => limits.putTokens([poolToken(id, { visibility: 'external', position: 0 })]);
    const access = await at.node({ over: { registerExternal } });
    const onlyTokenId = await access.external(refreshToken);
    expect(await limits.admit(admitRequest('1', { onlyTokenId }))).toMatchObject({ ok: true });
    await limits.settle({ attemptId: 'attempt-1', outcome: 'success', retryAfterMs: null, sent: true });
    at.clock.advance(3 * HOUR);
    for (let i = 0; i < 10; i += 1) await limits.admit(admitRequest(`idle-${i}`));
    expect(await limits.admit(admitRequest('2', { onlyTokenId }))).toMatchObject({ ok: false, code: 'no_token_available' });
    await access.external(refreshToken);
    expect(await limits.admit(admitRequest('3', { onlyTokenId }))).toMatchObject({ ok: true });
    await limits.close();
  });

  it('that the upstream has locked is not asked for again', async () => {
    const { refreshToken } = at.sim.addCredential({ kind: 'social' });
    const access = await at.node();
    const id = await access.external(refreshToken);
    await access.get(id);
    access.stop(id, new UpstreamFailure({ kind: 'suspended', message: 'locked' }));
    at.clock.advance(2 * HOUR);
    expect(await outcomeOf(access.get(id))).toBe('suspended');
    expect(at.refreshes()).toBe(1);
  });

  it('that is none is refused by its form, and nothing is kept of it', async () => {
    const access = await at.node();
    await expect(access.external('too short')).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await at.db.query(sql`select * from vault_credentials`)).toEqual([]);
  });
});

describe('a token that is gone', () => {
  it('is not served from any cache', async () => {
    await at.donate('a');
    const access = await at.node();
    await access.get('a');
    at.removed.add('a');
    expect(await outcomeOf(access.get('a'))).toBe('routing');
  });

  it('while it is refreshed is not served, and leaves nothing in the shared cache', async () => {
    await at.donate('a');
    const cache = counted(createMemoryCache({ clock: at.clock }));
    const holder: { access?: Access } = {};
    const access = await at.node({
      cache,
      upstream: (kiro) => ({
        async refresh(...call) {
          const fresh = await kiro.refresh(...call);
          await at.db.tx((tx) => tx.query(sql`delete from vault_credentials where token_id = 'a'`));
          at.removed.add('a');
          await holder.access?.forget('a');
          return fresh;
        },
      }),
    });
    holder.access = access;
    expect(await outcomeOf(access.get('a'))).toBe('invalid_credential');
    expect(cache.kept.size).toBe(0);
  });
});

describe('a vault that does not answer', () => {
  it("is the site's trouble, not the token's", async () => {
    await at.donate('a');
    const access = await at.node({ store: () => ({ read: () => Promise.reject(new DatabaseError('unavailable', 'away')) }) });
    expect(await outcomeOf(access.get('a'))).toBe('storage_unavailable');
  });

  it('keeps what is cached in service', async () => {
    await at.donate('a');
    let broken = false;
    const access = await at.node({
      store: (real) => ({ read: (id) => (broken ? Promise.reject(new DatabaseError('unavailable', 'away')) : real.read(id)) }),
    });
    const value = await accessOf(access);
    broken = true;
    expect(await accessOf(access)).toBe(value);
  });

  it('with a record that does not open names the record, never a secret, and does not call the credential dead', async () => {
    await at.donate('a');
    const access = await at.node({ vault: createVault({ key: 'another key' }) });
    // Another token is tried, and neither this one nor the upstream is blamed: only this node lacks the key.
    await expect(access.get('a')).rejects.toMatchObject({ kind: 'withdrawn', message: 'The stored credential cannot be opened.' });
    await at.db.query(sql`update vault_credentials set secret_enc = ${'v1.nonsense'}`);
    await expect((await at.node()).get('a')).rejects.toMatchObject({ kind: 'protocol' });
  });
});
