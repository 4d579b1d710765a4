/** Rotated refresh tokens over a real database: stored before use, and what is left when something dies in between. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DatabaseError } from '../infra/database/errors.js';
import type { Access } from './access.js';
import { Cluster, createGate, outcomeOf } from './testing/cluster.js';

const HOUR = 3_600_000;

let at: Cluster;
beforeEach(async () => {
  at = await Cluster.open();
});
afterEach(() => at.close());

const accessOf = async (access: Access, tokenId = 'a'): Promise<string> => (await access.get(tokenId)).access.value;

describe('a rotated refresh token (pitfall 56)', () => {
  it('is in the vault before the access token that came with it is handed out', async () => {
    await at.donate('a', { rotate: true });
    const old = at.sim.refreshTokenOf('a');
    const access = await at.node();
    const { access: token } = await access.get('a');
    const stored = await at.stored('a');
    expect(at.sim.refreshTokenOf('a')).not.toBe(old);
    expect(stored?.secret['refreshToken']).toBe(at.sim.refreshTokenOf('a'));
    expect(stored?.access?.value).toBe(token.value);
  });

  it('is handed to nobody while the vault cannot take it, and is stored later instead of refreshed again', async () => {
    await at.donate('a', { rotate: true });
    let broken = true;
    const access = await at.node({
      store: (real) => ({
        storeRefreshed: (...call) => (broken ? Promise.reject(new DatabaseError('busy', 'locked')) : real.storeRefreshed(...call)),
      }),
    });
    expect(await outcomeOf(access.get('a'))).toBe('storage_unavailable');
    expect(await outcomeOf(access.get('a'))).toBe('storage_unavailable');
    expect((await at.stored('a'))?.access).toBeNull();
    broken = false;
    await access.get('a');
    expect(at.refreshes()).toBe(1);
    expect((await at.stored('a'))?.secret['refreshToken']).toBe(at.sim.refreshTokenOf('a'));
  });

  it('that waited too long for the vault is stored all the same, and used for the next refresh', async () => {
    await at.donate('a', { rotate: true });
    let broken = true;
    const access = await at.node({
      store: (real) => ({
        storeRefreshed: (...call) => (broken ? Promise.reject(new DatabaseError('unavailable', 'away')) : real.storeRefreshed(...call)),
      }),
    });
    expect(await outcomeOf(access.get('a'))).toBe('storage_unavailable');
    broken = false;
    at.clock.advance(2 * HOUR);
    await access.get('a');
    expect(at.refreshes()).toBe(2);
    expect((await at.stored('a'))?.secret['refreshToken']).toBe(at.sim.refreshTokenOf('a'));
  });

  it.each([
    ['a credential whose refresh token stays is usable', false, 'served'],
    ['one that had rotated is reported as dead, not retried for ever', true, 'invalid_credential'],
  ])('lost in a crash between refresh and store: %s', async (_name, rotate, expected) => {
    await at.donate('a', { rotate });
    const reached = createGate();
    const dying = await at.node({
      store: () => ({
        storeRefreshed() {
          reached.open();
          return new Promise<boolean>(() => undefined);
        },
      }),
    });
    void dying.get('a');
    await reached.passed;
    let claims = 0;
    const next = await at.node({
      store: (real) => ({
        claim(...call) {
          claims += 1;
          return real.claim(...call);
        },
      }),
    });
    const outcome = outcomeOf(next.get('a'));
    await vi.waitFor(() => expect(claims).toBeGreaterThan(0));
    expect(at.refreshes()).toBe(1);
    at.clock.advance(336_000); // the dead node's claim is over, and for so long that it will not come back
    expect(await outcome).toBe(expected);
    expect(at.refreshes()).toBe(2);
  });

  it('of somebody else is taken over when ours is refused', async () => {
    await at.donate('a', { rotate: true });
    const [other, store] = [at.kiro(), await at.store()];
    let theirs: string | undefined;
    const access = await at.node({
      upstream: (kiro) => ({
        async refresh(authType, secret, signal) {
          // A node whose claim had ended finishes first; the service refuses our copy from then on.
          if (theirs === undefined) {
            const fresh = await other.refresh(authType, secret, signal);
            theirs = fresh.access.value;
            await store.storeRefreshed('a', 1, fresh.secret, fresh.access);
          }
          return kiro.refresh(authType, secret, signal);
        },
      }),
    });
    expect(await accessOf(access)).toBe(theirs);
    expect(at.refreshes()).toBe(2);
    at.clock.advance(2 * HOUR);
    expect(await accessOf(access)).not.toBe(theirs);
  });

  it('of somebody else stands when both were granted', async () => {
    await at.donate('a');
    const [other, store] = [at.kiro(), await at.store()];
    let theirs = '';
    const access = await at.node({
      upstream: (kiro) => ({
        async refresh(authType, secret, signal) {
          const ours = await kiro.refresh(authType, secret, signal);
          const fresh = await other.refresh(authType, secret, signal);
          theirs = fresh.access.value;
          await store.storeRefreshed('a', 1, fresh.secret, fresh.access);
          return ours;
        },
      }),
    });
    expect(await accessOf(access)).toBe(theirs);
  });
});
