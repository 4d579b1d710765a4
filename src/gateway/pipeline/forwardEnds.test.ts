import { describe, expect, it } from 'vitest';
import type { UsableCredential } from '../../credentials/access.js';
import { AppError } from '../../errors.js';
import { DatabaseError } from '../../infra/database/errors.js';
import { poolToken } from '../../limits/testing/fixtures.js';
import type { ModelEvent } from '../../upstreams/define.js';
import type { Caller } from './caller.js';
import { forward } from './forward.js';
import { directoryKey, directoryToken, directoryUser } from './testing/fakeDirectory.js';
import {
  answers,
  createKit,
  credentialOf,
  fails,
  inTurn,
  modelRequest,
  operator,
  refuses,
  stalls,
  stop,
  text,
  usage,
} from './testing/kit.js';
import { answer, collect, outcomes, play } from './testing/played.js';

describe('a consumer that leaves', () => {
  it('in the middle of the reply ends the upstream call and settles the attempt', async () => {
    let ended = false;
    const kit = await createKit({
      play: async function* (call) {
        call.onHeaders();
        try {
          for (;;) yield text('more');
        } finally {
          ended = true;
        }
      },
    });
    const run = kit.run();
    for await (const _event of forward(run, await kit.first(run), kit.deps)) break;
    expect(ended).toBe(true);
    expect(kit.settled).toMatchObject([{ outcome: 'neutral', sent: true }]);
    expect(run.attempts).toMatchObject([{ outcome: 'aborted', failure: 'aborted' }]);
    expect(await kit.inFlight()).toBe(0);
    expect(kit.events).toEqual([]);
  });

  it('while the upstream is silent aborts the call, and no other token is tried', async () => {
    const kit = await createKit({ play: stalls() });
    const run = kit.run();
    const events: ModelEvent[] = [];
    const failed = collect(kit, run, events);
    while (kit.calls.length === 0) await new Promise(setImmediate);
    run.abort.abort(new Error('left'));
    expect(await failed).toBe('aborted');
    expect(kit.calls).toEqual(['a']);
    expect(kit.settled).toMatchObject([{ outcome: 'neutral', sent: true }]);
    expect(await kit.inFlight()).toBe(0);
  });

  it('ends a reply that the upstream goes on with all the same', async () => {
    const kit = await createKit({ play: answers(text('a'), text('b'), text('c'), stop) });
    const run = kit.run();
    const stream = forward(run, await kit.first(run), kit.deps);
    await stream.next();
    run.abort.abort(new Error('left'));
    await expect(stream.next()).rejects.toMatchObject({ kind: 'aborted' });
    expect(kit.settled).toMatchObject([{ outcome: 'neutral' }]);
  });

  it('before anything was sent costs the token nothing', async () => {
    const kit = await createKit({ play: answers(...answer), access: async (_id, signal) => Promise.reject(signal?.reason) });
    const run = kit.run();
    const first = await kit.first(run);
    run.abort.abort(new Error('left'));
    await expect(forward(run, first, kit.deps).next()).rejects.toMatchObject({ kind: 'aborted' });
    expect(kit.settled).toMatchObject([{ outcome: 'neutral', sent: false }]);
    expect((await kit.limits.tokenUse(['a']))[0]).toMatchObject({ rpm: 0, concurrency: 0 });
  });
});

describe('an empty reply (pitfall 64)', () => {
  const ways = [
    ['thrown by the adapter', fails('empty', { status: 200 })],
    ['without output', answers(stop)],
    ['without anything', answers()],
    ['with nothing but usage', answers(usage, stop)],
  ] as const;
  it.each(ways)('%s is tried once more on the same token, and may be better then', async (_name, empty) => {
    const played = await play({ play: inTurn(empty, answers(...answer)) });
    expect(played).toMatchObject({ failed: null, events: answer });
    expect(played.kit.calls).toEqual(['a', 'a']);
  });

  it.each(ways)('%s, twice, is handed over as it is, with its usage', async (_name, empty) => {
    const played = await play({ maxAttempts: 5, play: empty });
    expect(played.failed).toBeNull();
    expect(played.kit.calls).toEqual(['a', 'a']);
    expect(played.events.filter(({ type }) => type === 'stop')).toEqual([stop]);
    expect(played.events.every(({ type }) => type === 'stop' || type === 'usage')).toBe(true);
    expect(outcomes(played)).toEqual(['neutral', 'success']);
  });

  it('is not tried more than once in a request, whatever comes between', async () => {
    const played = await play({ maxAttempts: 5, play: inTurn(fails('empty'), fails('transient'), fails('empty'), answers(...answer)) });
    expect(played.failed).toBeNull();
    expect(played.kit.calls).toHaveLength(3);
    expect(played.events).toEqual([stop]);
  });

  it.each(['refusal', 'max_tokens', 'context_window'] as const)('that says why (%s) is the answer, not asked again', async (reason) => {
    const end: ModelEvent = { type: 'stop', reason, sequence: null };
    const played = await play({ play: answers(usage, end) });
    expect(played).toMatchObject({ failed: null, events: [usage, end], kit: { calls: ['a'] } });
  });

  it('cut by a stop sequence at its very start is the answer too', async () => {
    const played = await play({ play: answers(text('END of it'), stop) }, { request: { ...modelRequest, stop: ['END'] } });
    expect(played.kit.calls).toEqual(['a']);
    expect(played.events.at(-1)).toEqual({ type: 'stop', reason: 'stop_sequence', sequence: 'END' });
  });
});

describe('trouble of our own', () => {
  const vaultKnowing = (...tokens: string[]) => {
    return async (tokenId: string): Promise<UsableCredential> => {
      if (!tokens.includes(tokenId)) throw new AppError('storage_unavailable', { retryAfterSeconds: 2 });
      return credentialOf(tokenId);
    };
  };

  it('a credential that a lost database alone knows is set aside: another token serves, and no try is spent on it', async () => {
    const played = await play({ play: answers(...answer), access: vaultKnowing('c'), maxAttempts: 1 });
    expect(played.failed).toBeNull();
    expect(played.kit.calls).toEqual(['c']);
    expect(played.kit.settled).toMatchObject([
      { outcome: 'neutral', sent: false },
      { outcome: 'neutral', sent: false },
      { outcome: 'success', sent: true },
    ]);
    expect((await played.kit.limits.tokenUse(['a']))[0]).toMatchObject({ rpm: 0, consecutiveFails: 0 });
  });

  it('a credential at hand serves at once, however many tokens that nobody has opened look better', async () => {
    const tokens = Array.from({ length: 50 }, (_, n) => `t${n}`);
    const played = await play({ play: answers(...answer), tokens, access: vaultKnowing('t40', 't41'), atHand: ['t40', 't41', 'gone'] });
    expect(played.failed).toBeNull();
    expect(['t40', 't41']).toContain(played.kit.calls[0]);
    expect(played.kit.settled).toHaveLength(2);
  });

  it("a private token of somebody else is not borrowed because it is at hand, and one's own comes first", async () => {
    const kit = await createKit({
      play: answers(...answer),
      tokens: ['a', 'b', 'mine'],
      access: vaultKnowing('b', 'mine'),
      atHand: ['b', 'mine'],
    });
    const own = { ownerId: 'u1', visibility: 'private' } as const;
    kit.directory.pool.set('b', directoryToken('b', { ownerId: 'u2', visibility: 'private' }));
    kit.directory.pool.set('mine', directoryToken('mine', own));
    await kit.limits.putTokens([poolToken('b', { ownerId: 'u2', visibility: 'private', position: 9 })]);
    const run = kit.run({ caller: { ...operator, userId: 'u1' } });
    expect(await collect(kit, run, [])).toBeNull();
    expect(kit.calls).toEqual(['mine']);
  });

  it('no more than eight tokens are looked at where the vault knows none of them now: their event holds 20 attempts', async () => {
    const tokens = Array.from({ length: 50 }, (_, n) => `t${n}`);
    const played = await play({ play: answers(...answer), tokens, access: vaultKnowing() });
    expect(played.failed).toBe('withdrawn');
    expect(played.kit.settled).toHaveLength(8);
    expect(await played.kit.inFlight()).toBe(0);
  });

  it('the store breaks unexpectedly: it counts against nobody and is not tried on other tokens', async () => {
    const access = () => Promise.reject(new DatabaseError('statement', 'no such table'));
    const played = await play({ play: answers(...answer), access });
    expect(played.failed).toBe('network');
    expect(played.kit.settled).toMatchObject([{ outcome: 'neutral', sent: false }]);
    expect((await played.kit.limits.tokenUse(['a']))[0]).toMatchObject({ rpm: 0, consecutiveFails: 0 });
  });

  it('an attempt that cannot be recorded is not made, and the first one is settled', async () => {
    let begun = 0;
    const openRecords = {
      begin: () => (begun++ === 0 ? Promise.resolve() : Promise.reject(new Error('disk full'))),
      end: async () => undefined,
      abandoned: () => [],
      close: async () => undefined,
    };
    const played = await play({ play: fails('transient'), openRecords });
    expect(played.failed).toBe('storage_unavailable');
    expect(played.kit.calls).toEqual(['a']);
    expect(await played.kit.inFlight()).toBe(0);
  });
});

describe('while a credential is waited for', () => {
  const member: Caller = { ...operator, userId: 'u1', keyId: 'k1' };
  const waiting = async () => {
    let isAsked = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      isAsked = resolve;
    });
    const access = (tokenId: string): Promise<UsableCredential> => {
      if (tokenId !== 'a') return Promise.resolve(credentialOf(tokenId));
      isAsked();
      return new Promise(() => undefined);
    };
    const kit = await createKit({ play: answers(...answer), access });
    kit.directory.users.set('u1', directoryUser());
    kit.directory.keys.set('k1', directoryKey());
    const run = kit.run({ caller: member });
    const before = kit.directory.listeners;
    const failed = collect(kit, run, []);
    await asked;
    return { kit, failed, before };
  };

  it('a revoked key and a banned member are refused at once, by their names', async () => {
    const revoked = await waiting();
    revoked.kit.directory.keys.set('k1', directoryKey({ status: 'revoked' }));
    revoked.kit.directory.tell({ keys: new Set(['k1']) });
    expect(await revoked.failed).toBe('client');

    const banned = await waiting();
    banned.kit.directory.users.set('u1', directoryUser({ status: 'banned' }));
    banned.kit.directory.tell({ users: new Set(['u1']) });
    expect(await banned.failed).toBe('client');
    expect(banned.kit.calls).toEqual([]);
    expect(await banned.kit.inFlight()).toBe(0);
    expect(banned.kit.directory.listeners).toBe(banned.before);
  });

  it('a token that is taken out of service makes room for another one', async () => {
    const { kit, failed } = await waiting();
    kit.directory.tell({ keys: new Set(['of somebody else']) });
    kit.directory.pool.set('a', directoryToken('a', { status: 'suspended' }));
    kit.directory.tell({ tokens: new Set(['a']) });
    expect(await failed).toBeNull();
    expect(kit.calls).toEqual(['b']);
  });
});

describe('what an adapter refuses by itself', () => {
  it('was not sent: the token keeps its window', async () => {
    const played = await play({
      play: refuses('client', { message: 'remote images are not fetched', param: 'messages[0]' }),
    });
    expect(played.failed).toBe('client');
    expect(played.kit.settled).toMatchObject([{ outcome: 'neutral', sent: false }]);
    expect(played.run.attempts).toMatchObject([{ sent: false, respondedAt: null }]);
    expect((await played.kit.limits.tokenUse(['a']))[0]).toMatchObject({ rpm: 0, rph: 0 });
  });

  it('is told from what the upstream refused', async () => {
    const played = await play({ play: fails('client', { status: 400 }) });
    expect(played.kit.settled).toMatchObject([{ sent: true }]);
    expect((await played.kit.limits.tokenUse(['a']))[0]).toMatchObject({ rpm: 1 });
  });
});

describe('a token of a provider that nobody speaks for', () => {
  it('is passed over', async () => {
    const played = await play({ play: answers(...answer), over: { upstreams: new Map() } });
    expect(played.failed).toBe('routing');
    expect(played.kit.settled.every(({ sent }) => !sent)).toBe(true);
  });
});

describe('a directory that is behind', () => {
  it('catches up to what the limits know before anything is sent', async () => {
    const order: string[] = [];
    const kit = await createKit({
      play: answers(...answer),
      access: async (id) => {
        order.push('access');
        return credentialOf(id);
      },
    });
    const directory = {
      ...kit.directory,
      position: () => 1,
      catchUp: async (position?: number) => void order.push(`caught up to ${position}`),
    };
    const run = kit.run();
    const first = { ...(await kit.first(run)), position: 7 };
    for await (const _event of forward(run, first, { ...kit.deps, directory }));
    expect(order).toEqual(['caught up to 7', 'access']);
  });
});
