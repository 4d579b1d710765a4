import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../errors.js';
import { authenticate, knownCaller, presentedKey, recheck } from './authenticate.js';
import type { Caller } from './caller.js';
import { directoryKey, directoryUser, type FakeDirectory, fakeDirectory } from './testing/fakeDirectory.js';

const KEY = `sk-${'a'.repeat(48)}`;
const PROXY = 'the-operators:own-key';
const NOW = 1_795_392_000_000;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const request = (headers: Record<string, string>): IncomingMessage => ({ headers }) as unknown as IncomingMessage;
const bearer = (key: string): IncomingMessage => request({ authorization: `Bearer ${key}` });

let directory: FakeDirectory;
const external = vi.fn(async (_refreshToken: string) => 'ext-0123');
const deps = () => ({
  directory,
  access: { get: vi.fn(), refused: vi.fn(), forget: vi.fn(), atHand: vi.fn(), stop: vi.fn(), external },
  clock: { now: () => NOW, monotonic: () => 0 },
  proxyApiKey: PROXY,
});
const caller = (req: IncomingMessage): Promise<Caller> => authenticate(req, deps());
const refusal = async (work: Promise<unknown>): Promise<[string, number, string]> => {
  const error: unknown = await work.then(
    () => new Error('let in'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw error;
  return [error.code, error.status, error.message];
};
const WRONG_KEY = ['invalid_api_key', 401, 'Invalid API key.'];

beforeEach(() => {
  directory = fakeDirectory();
  directory.users.set('u1', directoryUser());
  directory.keys.set('k1', directoryKey());
  directory.hashes.set(sha256(KEY), 'k1');
  external.mockReset().mockResolvedValue('ext-0123');
});

describe('what a client presents', () => {
  it.each([
    [{ authorization: 'Bearer one' }, 'one'],
    [{ authorization: 'bearer   one ' }, 'one'],
    [{ 'x-api-key': ' two ' }, 'two'],
    [{ authorization: 'Bearer one', 'x-api-key': 'two' }, 'one'],
    [{ authorization: 'Basic b25l', 'x-api-key': 'two' }, 'two'],
    [{ authorization: 'Bearer ' }, undefined],
    [{ authorization: 'Bearer', 'x-api-key': '' }, undefined],
    [{}, undefined],
  ])('%j is %j', (headers, key) => {
    expect(presentedKey(request(headers as Record<string, string>))).toBe(key);
  });
});

describe('a managed key', () => {
  it('belongs to its member, with the limits of the site where it has none of its own', async () => {
    directory.set({ default_user_daily_quota: 7, default_user_monthly_quota: 70, default_key_rpm_limit: 3 });
    const site = {
      userId: 'u1',
      keyId: 'k1',
      quota: { daily: 7, monthly: 70 },
      keyRpm: 3,
      allowedModels: null,
      onlyTokenId: null,
      ownOnly: false,
    };
    expect(await caller(bearer(KEY))).toEqual(site);
    expect(await caller(request({ 'x-api-key': KEY }))).toEqual(site);
  });

  it('has the figures an admin gave, 0 among them', async () => {
    directory.users.set('u1', directoryUser({ quotaDaily: 0, quotaMonthly: 9 }));
    directory.keys.set('k1', directoryKey({ rpmLimit: 1, allowedModels: ['claude-haiku-4.5'] }));
    expect(await caller(bearer(KEY))).toMatchObject({
      quota: { daily: 0, monthly: 9 },
      keyRpm: 1,
      allowedModels: ['claude-haiku-4.5'],
    });
  });

  it('uses own tokens only in self-use mode', async () => {
    directory.set({ self_use_enabled: true });
    expect(await caller(bearer(KEY))).toMatchObject({ ownOnly: true });
  });

  it('is waited for where the directory has to ask the database', async () => {
    const found = directory.keys.get('k1');
    expect(await authenticate(bearer(KEY), { ...deps(), directory: { ...directory, keyByHash: async () => found } })).toMatchObject({
      keyId: 'k1',
    });
  });

  const wrong: readonly [string, () => void, string][] = [
    ['unknown', () => undefined, `${KEY}x`],
    ['revoked', () => directory.keys.set('k1', directoryKey({ status: 'revoked' })), KEY],
    ['expired', () => directory.keys.set('k1', directoryKey({ expiresAt: NOW })), KEY],
    ['without its user', () => directory.users.clear(), KEY],
    ['longer than any key', () => undefined, 'x'.repeat(8193)],
    ['another case', () => undefined, KEY.toUpperCase()],
  ];
  it.each(wrong)('that is %s is refused with one and the same text', async (_name, change, key) => {
    change();
    expect(await refusal(caller(bearer(key)))).toEqual(WRONG_KEY);
  });

  it('counts until the moment it expires', async () => {
    directory.keys.set('k1', directoryKey({ expiresAt: NOW + 1 }));
    expect(await caller(bearer(KEY))).toMatchObject({ keyId: 'k1' });
  });

  it('that is missing is refused with the same text', async () => {
    expect(await refusal(caller(request({})))).toEqual(WRONG_KEY);
  });

  it.each([
    ['banned', 'user_banned'],
    ['pending', 'user_pending'],
  ] as const)('of a %s user is refused with %s', async (status, code) => {
    directory.users.set('u1', directoryUser({ status }));
    expect((await refusal(caller(bearer(KEY)))).slice(0, 2)).toEqual([code, 403]);
  });

  it('that is revoked says so to a banned user no more than to anybody', async () => {
    directory.users.set('u1', directoryUser({ status: 'banned' }));
    directory.keys.set('k1', directoryKey({ status: 'revoked' }));
    expect(await refusal(caller(bearer(KEY)))).toEqual(WRONG_KEY);
  });
});

describe("the operator's key", () => {
  it('is not metered and uses the pool, also in self-use mode', async () => {
    directory.set({ self_use_enabled: true });
    expect(await caller(bearer(PROXY))).toEqual({
      userId: 'operator',
      keyId: 'proxy',
      quota: null,
      keyRpm: null,
      allowedModels: null,
      onlyTokenId: null,
      ownOnly: false,
    });
  });

  it('with a refresh token behind a colon is served by that token alone, colons in either or not', async () => {
    expect(await caller(bearer(`${PROXY}:a:refresh:token`))).toMatchObject({ userId: 'operator', onlyTokenId: 'ext-0123' });
    expect(external).toHaveBeenCalledWith('a:refresh:token');
  });

  it.each([['the-operators'], [`${PROXY}:`], [`${PROXY}x:token`], [`${PROXY} :token`], [`x${PROXY}`], ['']])('is not %j', async (key) => {
    expect(await refusal(caller(bearer(key)))).toEqual(WRONG_KEY);
    expect(external).not.toHaveBeenCalled();
  });

  it('with something that is no refresh token is refused like any wrong key', async () => {
    external.mockRejectedValue(new AppError('invalid_request', { param: 'refreshToken', message: 'looks cut' }));
    expect(await refusal(caller(bearer(`${PROXY}:short`)))).toEqual(WRONG_KEY);
  });

  it('that is not set lets nobody in, least of all with an empty one', async () => {
    for (const key of ['', ':token', 'x']) {
      expect(await refusal(authenticate(request({ 'x-api-key': key }), { ...deps(), proxyApiKey: '' }))).toEqual(WRONG_KEY);
    }
  });
});

describe('a key that is refused before it could be authenticated', () => {
  const known = (key: string) => knownCaller(bearer(key), deps())?.keyId ?? null;

  it('is known by what this node has in memory, and nobody is asked', () => {
    directory.keyByHash = () => Promise.reject(new Error('asked'));
    expect(known(KEY)).toBe('k1');
    expect(known(PROXY)).toBe('proxy');
    expect(known(`${PROXY}:a:refresh:token`)).toBe('proxy');
    expect(external).not.toHaveBeenCalled();
  });

  it('is nobody’s where it would not have been let in', () => {
    for (const key of [`${KEY}x`, `x${PROXY}`, `${PROXY}x`, 'x'.repeat(8193)]) expect(known(key)).toBeNull();
    expect(knownCaller(request({}), deps())).toBeNull();
    expect(knownCaller(bearer(':'), { ...deps(), proxyApiKey: '' })).toBeNull();
    directory.users.set('u1', directoryUser({ status: 'banned' }));
    expect(known(KEY)).toBeNull();
  });
});

describe('before admission', () => {
  it('the key is looked at again: what was revoked or banned while the request was paced does not pass', async () => {
    const known = await caller(bearer(KEY));
    directory.keys.set('k1', directoryKey({ rpmLimit: 5 }));
    expect(recheck(known, deps())).toMatchObject({ keyRpm: 5 });
    directory.users.set('u1', directoryUser({ status: 'banned' }));
    expect(() => recheck(known, deps())).toThrow('This account is banned.');
    directory.keys.clear();
    expect(() => recheck(known, deps())).toThrow('Invalid API key.');
  });

  it("the operator's own is as it was", async () => {
    const own = await caller(bearer(`${PROXY}:token`));
    expect(recheck(own, deps())).toBe(own);
  });
});
