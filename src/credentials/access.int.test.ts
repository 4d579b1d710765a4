/** Access tokens over a real database and a simulated upstream: who refreshes, when, and what is left when something breaks. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DatabaseError } from '../infra/database/errors.js';
import { UpstreamFailure } from '../upstreams/define.js';
import type { Access } from './access.js';
import { Cluster, createGate, outcomeOf } from './testing/cluster.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let at: Cluster;
beforeEach(async () => {
  at = await Cluster.open();
});
afterEach(() => at.close());

const accessOf = async (access: Access, tokenId = 'a'): Promise<string> => (await access.get(tokenId)).access.value;
const times = <T>(count: number, work: () => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: count }, work));

describe('many requests on an expired token (pitfall 55)', () => {
  it('cause one refresh and get the same access token', async () => {
    await at.donate('a');
    const access = await at.node();
    const first = await accessOf(access);
    at.clock.advance(2 * HOUR);
    const values = new Set(await times(100, () => accessOf(access)));
    expect([...values]).toHaveLength(1);
    expect(values.has(first)).toBe(false);
    expect(at.refreshes()).toBe(2);
  });

  it.each([
    ['an hour', 3_600],
    ['two minutes', 120],
  ])('cause one refresh on two nodes with caches of their own, where tokens live %s', async (_name, accessTokenSeconds) => {
    await at.donate('a', { rotate: true, accessTokenSeconds });
    const nodes = [await at.node(), await at.node()];
    const values = new Set((await Promise.all(nodes.map((access) => times(50, () => accessOf(access))))).flat());
    expect(values.size).toBe(1);
    expect(at.refreshes()).toBe(1);
  });

  it('wait for a refresh of another node that takes long', async () => {
    await at.donate('a');
    const gate = createGate();
    const started = createGate();
    const slow = await at.node({
      upstream: (kiro) => ({
        async refresh(...call) {
          started.open();
          await gate.passed;
          return kiro.refresh(...call);
        },
      }),
    });
    const one = accessOf(slow);
    await started.passed;
    let claims = 0;
    const other = await at.node({
      store: (real) => ({
        claim(...call) {
          claims += 1;
          return real.claim(...call);
        },
      }),
    });
    const two = accessOf(other);
    await vi.waitFor(() => expect(claims).toBeGreaterThan(0));
    gate.open();
    expect(await two).toBe(await one);
    expect(at.refreshes()).toBe(1);
  });

  it('go on when one of them leaves', async () => {
    await at.donate('a');
    const gate = createGate();
    const access = await at.node({
      upstream: (kiro) => ({
        async refresh(...call) {
          await gate.passed;
          return kiro.refresh(...call);
        },
      }),
    });
    const leaver = new AbortController();
    const left = access.get('a', leaver.signal);
    const stayed = times(10, () => access.get('a', new AbortController().signal));
    leaver.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    gate.open();
    expect(await stayed).toHaveLength(10);
    expect(at.refreshes()).toBe(1);
  });

  it('start nothing for a request whose client has left before', async () => {
    await at.donate('a');
    const get = vi.fn(async () => undefined);
    const access = await at.node({
      cache: { get, set: async () => undefined, delete: async () => undefined, close: async () => undefined },
    });
    await expect(access.get('a', AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
    expect(get).not.toHaveBeenCalled();
    await access.get('a');
    expect(get).toHaveBeenCalled();
  });
});

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
    at.clock.advance(36_000); // the dead node's claim is over
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

describe('a refresh that was not needed (pitfall 57)', () => {
  it('does not stand in the way of the one that is', async () => {
    await at.donate('a');
    const [one, two] = [await at.node(), await at.node()];
    const first = await accessOf(one);
    // The second node looks, finds nothing to do, and must not take that for a refresh.
    expect(await accessOf(two)).toBe(first);
    expect(at.refreshes()).toBe(1);
    at.sim.updateCredential('a', { expireAccessTokens: true });
    two.refused('a', first);
    const second = await accessOf(two);
    expect(second).not.toBe(first);
    at.clock.advance(2 * HOUR);
    expect(await accessOf(two)).not.toBe(second);
    expect(at.refreshes()).toBe(3);
  });
});

describe('expiry (kiro-protocol B2)', () => {
  it.each([
    ['11 minutes left: nothing happens', 49, 'old', 1],
    ['10 minutes left: it is sent while its refresh runs', 50, 'old', 2],
    ['6 minutes left: likewise', 54, 'old', 2],
    ['5 minutes left: it counts as expired', 55, 'new', 2],
    ['over: it is never sent', 61, 'new', 2],
  ])('%s', async (_name, minutes, served, refreshes) => {
    await at.donate('a');
    const access = await at.node();
    const old = await accessOf(access);
    at.clock.advance(minutes * MINUTE);
    expect((await accessOf(access)) === old ? 'old' : 'new').toBe(served);
    await vi.waitFor(() => expect(at.refreshes()).toBe(refreshes));
    if (refreshes > 1) await vi.waitFor(async () => expect(await accessOf(access)).not.toBe(old));
    expect(at.refreshes()).toBe(refreshes);
  });

  it('is not asked of a service in trouble at every request', async () => {
    await at.donate('a');
    let broken = false;
    let tries = 0;
    let released = 0;
    const access = await at.node({
      store: (real) => ({
        async release(id) {
          await real.release(id);
          released += 1;
        },
      }),
      upstream: (kiro) => ({
        refresh(...call) {
          tries += 1;
          return broken ? Promise.reject(new UpstreamFailure({ kind: 'transient', message: 'busy' })) : kiro.refresh(...call);
        },
      }),
    });
    const old = await accessOf(access);
    broken = true;
    at.clock.advance(51 * MINUTE);
    expect(await accessOf(access)).toBe(old);
    await vi.waitFor(() => expect(released).toBe(1));
    for (let i = 0; i < 20; i += 1) {
      expect(await accessOf(access)).toBe(old);
      await at.stored('a'); // time for a try that must not come
    }
    expect(tries).toBe(2);
    broken = false;
    at.clock.advance(31_000);
    expect(await accessOf(access)).toBe(old);
    await vi.waitFor(async () => expect(await accessOf(access)).not.toBe(old));
    expect(tries).toBe(3);
  });

  it('leaves a token that may still be sent usable, also on a node that starts while the service is away', async () => {
    await at.donate('a');
    const old = await accessOf(await at.node());
    at.clock.advance(52 * MINUTE);
    const away = { refresh: () => Promise.reject(new UpstreamFailure({ kind: 'network', message: 'away' })) };
    const started = await at.node({ upstream: () => away });
    expect(await accessOf(started)).toBe(old);
    at.clock.advance(4 * MINUTE);
    expect(await outcomeOf(started.get('a'))).toBe('network');
  });

  it.each([120, 599, 601, 900, 1_199])('does not refresh a token of %i s at every call, but half-way', async (accessTokenSeconds) => {
    await at.donate('a', { accessTokenSeconds });
    const access = await at.node();
    for (let i = 0; i < 50; i += 1) {
      await access.get('a');
      at.clock.advance(accessTokenSeconds * 9);
    }
    expect(at.refreshes()).toBe(1);
    at.clock.advance(accessTokenSeconds * 60);
    await access.get('a');
    await vi.waitFor(() => expect(at.refreshes()).toBe(2));
  });
});

describe('an access token that the upstream refused', () => {
  it('is refreshed once, whatever its expiry says and however many ask', async () => {
    await at.donate('a');
    const access = await at.node();
    const old = await accessOf(access);
    for (let i = 0; i < 10; i += 1) access.refused('a', old);
    const values = new Set(await times(100, () => accessOf(access)));
    expect(values.size).toBe(1);
    expect(values.has(old)).toBe(false);
    expect(at.refreshes()).toBe(2);
  });

  it('is not refreshed for a late answer to a call with an older one', async () => {
    await at.donate('a');
    const access = await at.node();
    const old = await accessOf(access);
    access.refused('a', old);
    const present = await accessOf(access);
    access.refused('a', old);
    expect(await accessOf(access)).toBe(present);
    access.refused('a', present);
    access.refused('a', old);
    expect(await accessOf(access)).not.toBe(present);
    expect(at.refreshes()).toBe(3);
  });

  it('is replaced by what another node has refreshed meanwhile', async () => {
    await at.donate('a');
    const [one, two] = [await at.node(), await at.node()];
    const old = await accessOf(one);
    expect(await accessOf(two)).toBe(old);
    one.refused('a', old);
    const present = await accessOf(one);
    two.refused('a', old);
    expect(await accessOf(two)).toBe(present);
    expect(at.refreshes()).toBe(2);
  });
});
