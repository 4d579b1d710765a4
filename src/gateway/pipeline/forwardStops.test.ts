/** What is taken back while a request is under way: nothing new is sent for it (contract §5), and every try is paced (spec R12). */
import { describe, expect, it } from 'vitest';
import type { UsableCredential } from '../../credentials/access.js';
import { AppError } from '../../errors.js';
import { directoryKey, directoryToken, directoryUser } from './testing/fakeDirectory.js';
import { answers, createKit, credentialOf, fails, inTurn, type Kit, type KitOptions, operator } from './testing/kit.js';
import { answer, collect, outcomes } from './testing/played.js';

const member = { ...operator, userId: 'u1', keyId: 'k1', quota: null };

/** A request of a member whose first credential is refreshed for as long as `meanwhile` takes. */
async function playWhile(meanwhile: (kit: Kit) => void, options: Partial<KitOptions> = {}) {
  let kit: Kit | undefined;
  let refreshes = 0;
  const access = async (tokenId: string): Promise<UsableCredential> => {
    refreshes += 1;
    if (refreshes === 1 && kit) meanwhile(kit);
    return credentialOf(tokenId);
  };
  kit = await createKit({ play: answers(...answer), access, ...options });
  kit.directory.keys.set('k1', directoryKey({ id: 'k1', userId: 'u1' }));
  kit.directory.users.set('u1', directoryUser());
  const run = kit.run({ caller: member });
  const failed = await collect(kit, run, []);
  return { kit, run, events: [], failed };
}

describe('while a credential is refreshed', () => {
  it('a token that is paused gets no call: another one serves', async () => {
    const pause = (kit: Kit): void => void kit.directory.pool.set('a', directoryToken('a', { status: 'suspended', statusReason: 'admin' }));
    const played = await playWhile(pause);
    expect(played.failed).toBeNull();
    expect(played.kit.calls).toEqual(['b']);
    expect(outcomes(played)).toEqual(['neutral', 'success']);
    expect(played.run.attempts[0]).toMatchObject({ sent: false, failure: 'withdrawn' });
    expect(played.kit.commands).toEqual([]);
  });

  it('a token that is paused and the last one leaves the request without any', async () => {
    const pause = (kit: Kit): void => void kit.directory.pool.set('a', directoryToken('a', { status: 'suspended', statusReason: 'admin' }));
    const played = await playWhile(pause, { tokens: ['a'] });
    expect(played).toMatchObject({ failed: 'withdrawn', kit: { calls: [] } });
  });

  it.each([
    ['a user who is banned', (kit: Kit) => void kit.directory.users.set('u1', directoryUser({ status: 'banned' }))],
    ['a key that is revoked', (kit: Kit) => void kit.directory.keys.set('k1', directoryKey({ id: 'k1', userId: 'u1', status: 'revoked' }))],
  ])('%s gets no call on any token', async (_who, meanwhile) => {
    const played = await playWhile(meanwhile);
    expect(played.failed).not.toBeNull();
    expect(played.kit.calls).toEqual([]);
    expect(outcomes(played)).toEqual(['neutral']);
    expect(await played.kit.inFlight()).toBe(0);
  });

  it('a token out of credits until a moment is left to the limits, which know that moment', async () => {
    const park = (kit: Kit): void =>
      void kit.directory.pool.set('a', directoryToken('a', { status: 'suspended', statusReason: 'credits', parkedUntil: 1 }));
    expect((await playWhile(park)).kit.calls).toEqual(['a']);
  });
});

describe('while this node does not know what others revoke', () => {
  it('a credential that was refreshed meanwhile is held back until it knows, and sends nothing for who is banned by then', async () => {
    let kit: Kit | undefined;
    let known = true;
    const currency = {
      isCurrent: () => known,
      async current() {
        known = true;
        kit?.directory.users.set('u1', directoryUser({ status: 'banned' }));
      },
    };
    const forget = (made: Kit): void => {
      kit = made;
      known = false;
    };
    const played = await playWhile(forget, { over: { currency } });
    expect(played.failed).not.toBeNull();
    expect(played.kit.calls).toEqual([]);
  });

  it('nothing is sent where it cannot know, and it is no fault of the token', async () => {
    const unknown = new AppError('storage_unavailable', { retryAfterSeconds: 2 });
    const currency = { isCurrent: () => false, current: () => Promise.reject(unknown) };
    const played = await playWhile(() => undefined, { over: { currency } });
    expect(played.kit.calls).toEqual([]);
    expect(outcomes(played)).toEqual(['neutral']);
  });
});

describe('a second try', () => {
  it('is not made for a user who was banned during the first', async () => {
    let kit: Kit | undefined;
    const ban = fails('transient');
    const played = inTurn(
      async function* (call, tokenId) {
        kit?.directory.users.set('u1', directoryUser({ status: 'banned' }));
        yield* ban(call, tokenId);
      },
      answers(...answer),
    );
    kit = await createKit({ play: played });
    kit.directory.keys.set('k1', directoryKey({ id: 'k1', userId: 'u1' }));
    kit.directory.users.set('u1', directoryUser());
    const failed = await collect(kit, kit.run({ caller: member }), []);
    expect({ failed, calls: kit.calls }).toEqual({ failed: 'transient', calls: ['a'] });
  });

  it('is paced like the first', async () => {
    let waits = 0;
    const random = (): number => {
      waits += 1;
      return 0;
    };
    const kit = await createKit({ play: inTurn(fails('transient'), fails('transient'), answers(...answer)), over: { random } });
    kit.directory.set({ token_pacing_min_ms: 1, token_pacing_max_ms: 2 });
    expect(await collect(kit, kit.run(), [])).toBeNull();
    expect({ calls: kit.calls.length, waits }).toEqual({ calls: 3, waits: 2 });
  });
});
