import { request } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import type { HandedOut } from './routes/control.js';
import { accessTokenOf, completionBody, generate, refresh } from './testing/client.js';
import { useSimulator } from './testing/fixture.js';

const at = useSimulator();

describe('identity', () => {
  it('needs a bearer that is known and fresh', async () => {
    for (const bearer of ['', 'nonsense']) {
      const response = await generate(at.sim.url, bearer, completionBody({ root: { profileArn: at.donor.profileArn } }));
      expect([response.status, await response.json()]).toMatchObject([403, { message: expect.stringContaining('bearer token') as string }]);
    }
    at.sim.updateCredential('one', { expireAccessTokens: true });
    expect((await at.ask()).headers.get('x-sim-rule')).toBe('bearer.expired');
    expect(at.sim.witness()).toMatchObject({ unknownCaller: 2, credentials: { one: { requests: 1, refused: 1 } } });
  });

  it('rotates refresh tokens and refuses the old one', async () => {
    const idc = at.sim.addCredential({ kind: 'idc', rotate: true, region: 'eu-west-1' });
    const first = (await (await refresh(at.sim.url, idc)).json()) as { refreshToken: string };
    expect(first).toMatchObject({ tokenType: 'Bearer', expiresIn: 3_600 });
    const again = await refresh(at.sim.url, idc);
    expect([again.status, await again.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    expect((await refresh(at.sim.url, { ...idc, refreshToken: first.refreshToken })).status).toBe(200);
    expect(at.sim.witness().credentials[idc.id]).toMatchObject({ refreshes: 3, refreshesFailed: 1 });
  });

  it('takes OIDC refreshes as camel-case JSON only and without a scope', async () => {
    const idc = at.sim.addCredential({ kind: 'idc' });
    const good = { clientId: idc.clientId, clientSecret: idc.clientSecret, grantType: 'refresh_token', refreshToken: idc.refreshToken };
    expect((await at.post('/token', good)).status).toBe(200);
    expect((await at.post('/token', { ...good, scope: 'x' })).status).toBe(400);
    expect(
      (
        await at.post('/token', {
          client_id: good.clientId,
          client_secret: good.clientSecret,
          grant_type: 'refresh_token',
          refresh_token: good.refreshToken,
        })
      ).status,
    ).toBe(400);
    const form = new URLSearchParams(good as Record<string, string>);
    expect((await fetch(`${at.sim.url}/token`, { method: 'POST', body: form })).status).toBe(400);
    expect((await at.post('/refreshToken', { refreshToken: idc.refreshToken })).status).toBe(401);
  });

  it('counts refreshes that run at once', async () => {
    at.sim.settings({ refreshDelayMs: 60_000 });
    const running = [1, 2, 3].map(() => refresh(at.sim.url, at.donor).catch((error: unknown) => error));
    await vi.waitFor(() => expect(at.sim.witness().credentials.one).toMatchObject({ refreshes: 4, maxConcurrentRefreshes: 3 }), {
      interval: 5,
    });
    await at.sim.close();
    for (const outcome of await Promise.all(running)) expect(outcome).toBeInstanceOf(TypeError);
  });

  it('refuses suspended accounts, spent ones and models the plan lacks', async () => {
    expect(await (await at.ask({ model: 'nonsense' })).json()).toMatchObject({ reason: 'INVALID_MODEL_ID' });
    at.sim.updateCredential('one', { creditsUsed: 1_000 });
    const spent = await at.ask();
    expect([spent.status, await spent.json()]).toMatchObject([402, { reason: 'MONTHLY_REQUEST_COUNT' }]);
    at.sim.updateCredential('one', { suspended: true });
    const locked = await at.ask();
    expect([locked.status, await locked.json()]).toMatchObject([
      403,
      { reason: 'TEMPORARILY_SUSPENDED', message: expect.stringMatching(/suspended.*locked your account/) as string },
    ]);
  });

  it('imposes its risk limits by itself and cools', async () => {
    at.sim.settings({ limits: { per60s: 2, per3600s: null, concurrent: null, coolMs: 60_000 } });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await at.ask()).status);
    expect(statuses).toEqual([200, 200, 429, 429]);
    expect(await (await at.ask()).json()).toMatchObject({
      message: expect.stringMatching(/suspicious activity.*temporary limits/) as string,
      reason: null,
    });
  });
});

describe('profiles and hosts', () => {
  const status = async (who: HandedOut, arn: string | null, options: { root?: boolean; model?: string } = {}) => {
    const body = completionBody({
      ...(options.model ? { model: options.model } : {}),
      ...(arn === null ? {} : { root: { profileArn: arn } }),
    });
    const response = await generate(at.sim.url, await accessTokenOf(at.sim.url, who), body, { root: options.root ?? false });
    return [response.status, response.headers.get('x-sim-rule')];
  };
  const placeholder = 'arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX';

  it('want the account’s own ARN from social and IdC logins', async () => {
    const idc = at.sim.addCredential({ kind: 'idc', region: 'ap-southeast-2', apiRegion: 'eu-central-1' });
    expect(await status(idc, idc.profileArn ?? '')).toEqual([200, null]);
    expect(await status(idc, idc.profileArn ?? '', { root: true })).toEqual([200, null]);
    expect(await status(idc, null, { root: true })).toEqual([400, 'profile.required']);
    expect(await status(idc, null)).toEqual([400, 'profile.required']);
    expect(await status(idc, at.donor.profileArn ?? '')).toEqual([400, 'profile.region']);
    expect(await status(idc, 'nonsense')).toEqual([400, 'profile.shape']);
    const other = at.sim.addCredential({ kind: 'idc' });
    expect(await status(other, at.donor.profileArn ?? '')).toEqual([403, 'profile.foreign']);
    expect(await status(at.donor, 'arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK')).toEqual([200, null]);
  });

  it('let Builder ID in without an ARN on the older host, with the placeholder on the newer', async () => {
    const builder = at.sim.addCredential({ kind: 'builder_id' });
    expect(await status(builder, null)).toEqual([200, null]);
    expect(await status(builder, placeholder)).toEqual([403, 'profile.builderOnQ']);
    expect(await status(builder, null, { root: true })).toEqual([400, 'profile.required']);
    expect(await status(builder, placeholder, { root: true })).toEqual([200, null]);
    expect(await status(builder, null, { model: 'claude-opus-5' })).toEqual([400, 'profile.required']);
  });

  it('go by the host’s region and family where the host names them', async () => {
    const withHost = (host: string, path: string) =>
      new Promise<[number | undefined, unknown]>((resolve, reject) => {
        const headers = {
          host,
          authorization: `Bearer ${at.token}`,
          ...(path === '/'
            ? {
                'content-type': 'application/x-amz-json-1.0',
                'x-amz-target': 'AmazonCodeWhispererStreamingService.GenerateAssistantResponse',
              }
            : { 'content-type': 'application/json' }),
        };
        const req = request({ port: at.sim.port, path, method: 'POST', headers }, (res) => {
          res.resume().once('end', () => resolve([res.statusCode, res.headers['x-sim-rule']]));
        });
        req.once('error', reject);
        req.end(JSON.stringify(completionBody({ root: { profileArn: at.donor.profileArn } })));
      });
    expect(await withHost('q.us-east-1.amazonaws.com', '/generateAssistantResponse')).toEqual([200, undefined]);
    expect(await withHost('runtime.us-east-1.kiro.dev', '/')).toEqual([200, undefined]);
    expect(await withHost('runtime.eu-central-1.kiro.dev', '/')).toEqual([403, 'route.region']);
    expect(await withHost('runtime.us-east-1.kiro.dev', '/generateAssistantResponse')).toEqual([400, 'route.brandedPath']);
  });

  it('tell profiles, models by plan in pages, and usage', async () => {
    const call = async (who: HandedOut, target: string, body: object = {}) => {
      const headers = {
        authorization: `Bearer ${await accessTokenOf(at.sim.url, who)}`,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AmazonCodeWhispererService.${target}`,
      };
      const response = await fetch(`${at.sim.url}/`, { method: 'POST', headers, body: JSON.stringify(body) });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const idc = at.sim.addCredential({ kind: 'idc' });
    const builder = at.sim.addCredential({ kind: 'builder_id', plan: 'free', creditsUsed: 12.5 });
    expect((await call(idc, 'ListAvailableProfiles', { maxResults: 10 })).body).toMatchObject({ profiles: [{ arn: idc.profileArn }] });
    expect(await call(builder, 'ListAvailableProfiles')).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('not supported') as string },
    });
    expect((await call(idc, 'ListAvailableModels')).status).toBe(400);
    const ids = async (who: HandedOut) => {
      const list: string[] = [];
      for (let nextToken: unknown = null; nextToken !== undefined; ) {
        const { body } = await call(who, 'ListAvailableModels', { maxResults: 7, nextToken, profileArn: who.profileArn });
        list.push(...(body.models as { modelId: string }[]).map((model) => model.modelId));
        nextToken = body.nextToken;
      }
      return list;
    };
    expect(await ids(idc)).toContain('claude-opus-5');
    expect(await ids(builder)).not.toContain('claude-opus-5');
    expect((await call(builder, 'GetUsageLimits')).body).toMatchObject({
      usageBreakdownList: [{ resourceType: 'CREDIT', currentUsageWithPrecision: 12.5, usageLimit: 50 }],
      subscriptionInfo: { subscriptionTitle: 'KIRO FREE' },
    });
    const query = new URLSearchParams({ origin: 'AI_EDITOR', resourceType: 'AGENTIC_REQUEST', profileArn: at.donor.profileArn ?? '' });
    const got = await fetch(`${at.sim.url}/getUsageLimits?${query.toString()}`, { headers: { authorization: `Bearer ${at.token}` } });
    expect(await got.json()).toMatchObject({ userInfo: { email: 'one@example.com' } });
    expect(await call(idc, 'Nonsense')).toMatchObject({ status: 404 });
    expect((await fetch(`${at.sim.url}/nowhere`)).status).toBe(404);
  });
});
