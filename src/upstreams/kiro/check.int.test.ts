import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CredentialCheck, Upstream } from '../define.js';
import { readUsage } from './check.js';
import { type FixtureServer, json, kiroAt, ownArn, refreshToken, startServer, testNow } from './fixtureServer.js';

let server: FixtureServer;
let kiro: Upstream;
beforeEach(async () => {
  server = await startServer();
  kiro = kiroAt(server.url);
});
afterEach(async () => {
  await kiro.close();
  await server.close();
});

const check = (input: Record<string, unknown> = {}): Promise<CredentialCheck> => {
  const parsed = kiro.parseCredential({ refreshToken, profileArn: ownArn, ...input });
  return kiro.check(
    parsed.authType,
    parsed.secret,
    { value: 'access-token-of-the-test', expiresAt: null, facts: {} },
    new AbortController().signal,
  );
};

const usage = {
  usageBreakdownList: [
    {
      resourceType: 'CREDIT',
      currentUsage: 10,
      currentUsageWithPrecision: 10.5,
      usageLimit: 50,
      usageLimitWithPrecision: 50,
      freeTrialInfo: { freeTrialStatus: 'ACTIVE', currentUsageWithPrecision: 3, usageLimitWithPrecision: 500 },
      bonuses: [
        { currentUsage: 1, usageLimit: 100, status: 'ACTIVE' },
        { currentUsage: 9, usageLimit: 900, status: 'EXPIRED' },
      ],
    },
  ],
  subscriptionInfo: { subscriptionTitle: 'KIRO PRO' },
  nextDateReset: testNow / 1_000 + 0.5,
  userInfo: { email: 'a@example.com', userId: 'u' },
};

describe('checking a credential', () => {
  it('B8: reads plan, credits with active trial and bonuses, reset and mail', async () => {
    server.answer = (_, response) => json(response, 200, usage);
    expect(await check()).toEqual({
      plan: 'KIRO PRO',
      creditsUsed: 14.5,
      creditsLimit: 650,
      resetAt: testNow + 500,
      email: 'a@example.com',
    });
    const url = new URL(server.seen[0]?.url ?? '', server.url);
    expect(url.pathname).toBe('/getUsageLimits');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      origin: 'AI_EDITOR',
      resourceType: 'AGENTIC_REQUEST',
      isEmailRequired: 'true',
      profileArn: ownArn,
    });
    expect(server.seen[0]?.headers['x-amzn-kiro-profile-arn']).toBe(ownArn);
  });

  it('B4: an account that is refused with its ARN is asked once without', async () => {
    server.answer = (request, response) =>
      request.url.includes('profileArn') ? json(response, 400, { message: 'Invalid profileArn' }) : json(response, 200, usage);
    expect((await check()).plan).toBe('KIRO PRO');
    expect(server.seen).toHaveLength(2);
  });

  it("pitfall 58: an IdC token's profile is found first", async () => {
    server.answer = (request, response) =>
      request.method === 'POST' ? json(response, 200, { profiles: [{ arn: ownArn }] }) : json(response, 200, usage);
    await check({ authType: 'idc', clientId: 'c', clientSecret: 's', profileArn: undefined });
    expect(server.seen[1]?.url).toContain(encodeURIComponent(ownArn));
  });

  it.each([
    [403, { message: 'temporarily is suspended: we locked your account' }, 'suspended', 1],
    [401, { message: 'The bearer token included in the request is invalid.' }, 'auth', 1],
    [500, {}, 'transient', 1],
    [429, { message: 'slow' }, 'capacity', 1],
  ])('B9: %i %j is %s and is not tried again', async (status, body, kind, calls) => {
    server.answer = (_, response) => json(response, status, body);
    await expect(check()).rejects.toMatchObject({ kind });
    expect(server.seen).toHaveLength(calls);
  });

  it('says nothing where the answer says nothing', () => {
    expect(readUsage('{}', testNow)).toEqual({ plan: null, creditsUsed: null, creditsLimit: null, resetAt: null, email: null });
    expect(() => readUsage('<html>', testNow)).toThrowError(expect.objectContaining({ kind: 'protocol' }));
  });
});
