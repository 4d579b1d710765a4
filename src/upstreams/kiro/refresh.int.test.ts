import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Upstream } from '../define.js';
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

const signal = new AbortController().signal;
const refresh = (input: Record<string, unknown> = {}) => {
  const parsed = kiro.parseCredential({ refreshToken, ...input });
  return kiro.refresh(parsed.authType, parsed.secret, signal);
};
const failure = async (input: Record<string, unknown> = {}): Promise<unknown> => refresh(input).catch((error: unknown) => error);

describe('refreshing', () => {
  it('B2: social tokens go to the desktop endpoint as JSON, and profile and rotation come back', async () => {
    server.answer = (_, response) =>
      json(response, 200, { accessToken: 'new-access', refreshToken: 'rotated-token', expiresIn: 3_600, profileArn: ownArn });
    const refreshed = await refresh();
    expect(server.seen[0]).toMatchObject({ method: 'POST', url: '/refreshToken', body: JSON.stringify({ refreshToken }) });
    expect(server.seen[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'KiroGate/test' });
    expect(refreshed.access).toEqual({ value: 'new-access', expiresAt: testNow + 3_600_000, facts: { profileArn: ownArn } });
    expect(refreshed.secret).toMatchObject({ refreshToken: 'rotated-token', profileArn: ownArn, region: 'us-east-1' });
  });

  it('B2: the old refresh token is kept when none comes back, and the id stays the same over a rotation', async () => {
    server.answer = (_, response) => json(response, 200, { accessToken: 'a', expiresIn: 60 });
    const refreshed = await refresh();
    expect(refreshed.secret).toEqual(kiro.parseCredential({ refreshToken }).secret);
  });

  it.each(['idc', 'builder_id'])(
    'pitfall 69: %s tokens go to OIDC with client id and secret, in camelCase and without scope',
    async (authType) => {
      server.answer = (_, response) => json(response, 200, { accessToken: 'a', refreshToken: 'b', expiresIn: 3_600, tokenType: 'Bearer' });
      const refreshed = await refresh({ authType, clientId: 'cid', clientSecret: 'csecret' });
      expect(server.seen[0]?.url).toBe('/token');
      expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({
        clientId: 'cid',
        clientSecret: 'csecret',
        grantType: 'refresh_token',
        refreshToken,
      });
      expect(refreshed.secret).toMatchObject({ clientId: 'cid', clientSecret: 'csecret', refreshToken: 'b' });
    },
  );

  it.each([
    [400, { error: 'invalid_grant' }, 'invalid_credential'],
    [401, { message: 'Bad credentials' }, 'invalid_credential'],
    [400, { error: 'refresh_token_reused' }, 'invalid_credential'],
    [403, { error: 'access_denied' }, 'invalid_credential'],
    [400, { error: 'expired_token' }, 'invalid_credential'],
    [400, { message: 'The token was revoked by its owner' }, 'invalid_credential'],
    [401, {}, 'invalid_credential'],
    [400, { error: 'invalid_request' }, 'protocol'],
    [403, { message: 'Request blocked' }, 'protocol'],
    [429, { message: 'slow down' }, 'transient'],
    [500, { error: 'invalid_grant' }, 'transient'],
    [503, {}, 'transient'],
    [200, { nothing: true }, 'protocol'],
  ])('B2: %i %j is %s', async (status, body, kind) => {
    server.answer = (_, response) => json(response, status, body);
    expect(await failure()).toMatchObject({ kind });
  });

  it('B2: a client registration that has ended says that signing in again helps', async () => {
    server.answer = (_, response) => json(response, 401, { error: 'invalid_client', error_description: 'x' });
    const expired = { authType: 'idc', clientId: 'c', clientSecret: 's', clientSecretExpiresAt: testNow / 1_000 - 5 };
    expect(await failure(expired)).toMatchObject({
      kind: 'invalid_credential',
      reason: 'client_registration',
      message: expect.stringContaining('expired') as string,
    });
  });

  it('pitfall 60: a network error is temporary, and no failure repeats the token', async () => {
    server.answer = (request, response) =>
      json(response, 400, { error: 'invalid_grant', error_description: `token ${refreshToken} is dead: ${request.body}` });
    expect(String(((await failure()) as Error).message)).not.toContain(refreshToken);
    server.answer = (_, response) => response.destroy();
    expect(await failure()).toMatchObject({ kind: 'network' });
    await server.close();
    expect(await failure()).toMatchObject({ kind: 'network' });
  });

  it('an abort ends the exchange', async () => {
    const controller = new AbortController();
    server.answer = () => controller.abort();
    const parsed = kiro.parseCredential({ refreshToken });
    await expect(kiro.refresh(parsed.authType, parsed.secret, controller.signal)).rejects.toMatchObject({ kind: 'aborted' });
  });

  it("a caller's own deadline counts as a slow upstream, not as someone who left", async () => {
    server.answer = () => {};
    const parsed = kiro.parseCredential({ refreshToken });
    await expect(kiro.refresh(parsed.authType, parsed.secret, AbortSignal.timeout(50))).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('B2: an access token is exchanged when ten minutes or less remain', () => {
    const access = (left: number | null) => ({ value: 'a', expiresAt: left === null ? null : testNow + left, facts: {} });
    expect(kiro.needsRefresh(undefined, testNow)).toBe(true);
    expect(kiro.needsRefresh(access(600_000), testNow)).toBe(true);
    expect(kiro.needsRefresh(access(600_001), testNow)).toBe(false);
    expect(kiro.needsRefresh(access(null), testNow)).toBe(false);
  });
});
