import { beforeEach, describe, expect, it } from 'vitest';
import { directoryToken, type FakeDirectory, fakeDirectory } from '../gateway/pipeline/testing/fakeDirectory.js';
import { createMemoryLimits } from '../limits/memory.js';
import { createMemoryOpenRecords } from '../limits/openRecords.js';
import type { AdmitRequest, Limits } from '../limits/port.js';
import { admitRequest, createTestClock, START, type TestClock } from '../limits/testing/fixtures.js';
import type { DirectoryToken } from '../projections/directory.js';
import { feedPool } from './poolFeed.js';

let directory: FakeDirectory;
let limits: Limits;
let clock: TestClock;
let count = 0;

beforeEach(() => {
  directory = fakeDirectory();
  clock = createTestClock();
  limits = createMemoryLimits({ clock, random: () => 0.5, openRecords: createMemoryOpenRecords() });
});

const feed = (into: Limits = limits) => feedPool(directory, into);
/** As the directory follows: the row first, then its listeners. */
function put(token: Partial<DirectoryToken> & { id: string }): void {
  directory.pool.set(token.id, directoryToken(token.id, { ...directory.pool.get(token.id), ...token, position: directory.position() + 1 }));
  directory.tell({ tokens: new Set([token.id]) });
}
function remove(id: string): void {
  directory.pool.delete(id);
  directory.tell({ tokens: new Set([id]) });
}
/** The token that serves, or why none does. */
async function served(over: Partial<AdmitRequest> = {}): Promise<string> {
  count += 1;
  const answer = await limits.admit(admitRequest(`${count}`, { targets: [{ provider: 'kiro', model: 'm' }], ...over }));
  if (!answer.ok) return answer.code;
  await limits.settle({ attemptId: `attempt-${count}`, outcome: 'neutral', retryAfterMs: null, sent: false });
  return answer.tokenId;
}
async function fail(tokenId: string): Promise<void> {
  count += 1;
  await limits.admit(admitRequest(`${count}`, { onlyTokenId: tokenId, targets: [{ provider: 'kiro', model: 'm' }] }));
  await limits.settle({ attemptId: `attempt-${count}`, outcome: 'token_failure', retryAfterMs: null, sent: true });
}

describe('the pool', () => {
  it('is what the directory knows, whose it is and what it may serve included', async () => {
    directory.pool.set('o', directoryToken('o', { ownerId: 'user', visibility: 'private', allowedModels: ['m'] }));
    await feed();
    expect(await served()).toBe('o');
    expect(await served({ userId: 'stranger' })).toBe('no_token_available');
    expect(await served({ targets: [{ provider: 'kiro', model: 'other' }] })).toBe('no_token_available');
  });

  it('gains what is donated and loses what is removed', async () => {
    await feed();
    expect(await served()).toBe('no_token_available');
    put({ id: 'a' });
    expect(await served()).toBe('a');
    remove('a');
    expect(await served()).toBe('no_token_available');
  });

  it('leaves out what is suspended or invalid', async () => {
    directory.pool.set('a', directoryToken('a'));
    await feed();
    put({ id: 'a', status: 'suspended', statusReason: 'admin' });
    expect(await served()).toBe('no_token_available');
    put({ id: 'a', status: 'active', statusReason: null });
    expect(await served()).toBe('a');
    put({ id: 'a', status: 'invalid' });
    expect(await served()).toBe('no_token_available');
  });

  it('forgets failures and cooling when a token is resumed, and only then', async () => {
    directory.pool.set('a', directoryToken('a'));
    await feed();
    for (let i = 0; i < 2; i += 1) await fail('a');
    expect(await served()).toBe('pool_exhausted');
    put({ id: 'a', name: 'renamed' });
    expect(await served()).toBe('pool_exhausted');
    put({ id: 'a', status: 'suspended', statusReason: 'failures' });
    put({ id: 'a', status: 'active', statusReason: null });
    expect(await served()).toBe('a');
    expect((await limits.tokenUse(['a']))[0]).toMatchObject({ consecutiveFails: 0, cooldownUntil: null });
  });

  it('takes a token back by itself when its credits return', async () => {
    directory.pool.set('a', directoryToken('a', { status: 'suspended', statusReason: 'credits', parkedUntil: START + 60_000 }));
    await feed();
    expect(await served()).toBe('no_token_available');
    clock.advance(60_000);
    expect(await served()).toBe('a');
  });

  it('keeps one without credits out where nobody knows when they return', async () => {
    directory.pool.set('a', directoryToken('a', { status: 'suspended', statusReason: 'credits' }));
    await feed();
    clock.advance(40 * 86_400_000);
    expect(await served()).toBe('no_token_available');
  });

  it('obeys settings from the next admission on', async () => {
    directory.set({ token_max_concurrent: 1 });
    directory.pool.set('a', directoryToken('a'));
    await feed();
    const admit = (id: string) => limits.admit(admitRequest(id, { targets: [{ provider: 'kiro', model: 'm' }] }));
    expect(await admit('x')).toMatchObject({ ok: true });
    expect(await admit('y')).toMatchObject({ ok: false });
    directory.set({ token_max_concurrent: 2 });
    directory.tell({ settings: true });
    expect(await admit('z')).toMatchObject({ ok: true });
  });

  it('misses nothing that changes while it is filled', async () => {
    directory.pool.set('a', directoryToken('a'));
    directory.pool.set('b', directoryToken('b'));
    let filling = true;
    const slow: Limits = {
      ...limits,
      async putTokens(tokens) {
        if (filling) {
          filling = false;
          put({ id: 'a', status: 'suspended', statusReason: 'admin' });
          remove('b');
          put({ id: 'c' });
        }
        await limits.putTokens(tokens);
      },
    };
    await feed(slow);
    expect(await served({ onlyTokenId: 'a' })).toBe('no_token_available');
    expect(await served({ onlyTokenId: 'b' })).toBe('no_token_available');
    expect(await served()).toBe('c');
  });

  it('follows no more when it is told to end', async () => {
    const end = await feed();
    end();
    put({ id: 'a' });
    expect(await served()).toBe('no_token_available');
    expect(directory.listeners).toBe(0);
  });
});
