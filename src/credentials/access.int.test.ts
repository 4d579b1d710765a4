/** Access tokens over a real database and a simulated upstream: who refreshes, and when. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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
