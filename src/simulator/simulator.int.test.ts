import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Simulator, startSimulator } from './index.js';
import type { HandedOut } from './routes/control.js';
import { accessTokenOf, type Ask, completionBody, decodeFrames, framesOf, generate, refresh, textOf, typesOf } from './testing/client.js';

let sim: Simulator;
let donor: HandedOut;
let token: string;
const profile = (): object => ({ profileArn: donor.profileArn });
const ask = (given: Ask = {}, options: Parameters<typeof generate>[3] = {}) =>
  generate(sim.url, token, completionBody({ ...given, root: { ...profile(), ...given.root } }), options);
const frames = async (given: Ask = {}) => framesOf(await ask(given));
const post = (path: string, body: unknown, method = 'POST') =>
  fetch(sim.url + path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

beforeEach(async () => {
  sim = await startSimulator();
  donor = sim.addCredential({ kind: 'social', id: 'one' });
  token = await accessTokenOf(sim.url, donor);
});
afterEach(() => sim.close());

describe('a completion', () => {
  it('is a normal live stream: text, metadata, context usage, metering', async () => {
    const response = await ask({ text: 'What a fine day it is today, grüße 🙂' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/vnd.amazon.eventstream');
    const list = await framesOf(response);
    expect(textOf(list)).toBe('You said: What a fine day it is today, grüße 🙂');
    expect(list.filter((f) => f.type === 'assistantResponseEvent').length).toBeGreaterThan(2);
    expect(typesOf(list)).toEqual(['assistantResponseEvent', 'metadataEvent', 'contextUsageEvent', 'meteringEvent']);
    expect(list.at(-3)?.payload).toEqual({ stopReason: 'END_TURN' });
    expect(list.at(-2)?.payload['contextUsagePercentage']).toBeGreaterThan(0);
    expect(list.at(-1)?.payload).toMatchObject({ unit: 'credit' });
  });

  it('begins with an initial-response on the AWS-JSON root', async () => {
    const list = await framesOf(await ask({}, { root: true }));
    expect(list[0]).toEqual({ type: 'initial-response', payload: {} });
    expect(textOf(list)).toBe('You said: hello');
  });

  it('calls an offered tool in pieces, then quotes its result', async () => {
    const input = { path: '/tmp/a file with a long name.txt', deep: { list: [1, 2, 3], text: 'größe "]]" 🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂' } };
    const text = `please [[sim tool read ${JSON.stringify(input)}]]`;
    const list = await frames({ text, tools: ['read'] });
    const uses = list.filter((f) => f.type === 'toolUseEvent').map((f) => f.payload);
    expect(uses.length).toBeGreaterThan(3);
    expect(JSON.parse(uses.map((u) => u['input'] ?? '').join(''))).toEqual(input);
    expect(uses.at(-1)).toMatchObject({ name: 'read', stop: true });
    expect(list.at(-3)?.payload).toEqual({ stopReason: 'TOOL_USE' });
    const toolUseId = String(uses[0]?.['toolUseId']);
    const answered = await frames({
      text: '',
      tools: ['read'],
      history: [
        { userInputMessage: { content: text } },
        { assistantResponseMessage: { content: textOf(list), toolUses: [{ toolUseId, name: 'read', input }] } },
      ],
      context: { toolResults: [{ toolUseId, status: 'success', content: [{ text: 'forty-two' }] }] },
    });
    expect(textOf(answered)).toBe('The tool read answered: forty-two');
    expect(answered.at(-3)?.payload).toEqual({ stopReason: 'END_TURN' });
  });

  it('goes through several rounds of tools as the first question told it', async () => {
    const text = '[[sim tool a {}]][[sim next]][[sim tool b {"n":1}]]';
    const turn = (id: string, name: string) => ({ assistantResponseMessage: { content: '', toolUses: [{ toolUseId: id, name, input: {} }] } });
    const result = (toolUseId: string) => ({ toolResults: [{ toolUseId, status: 'success', content: [{ text: id2text(toolUseId) }] }] });
    const id2text = (id: string): string => `result of ${id}`;
    const tools = ['a', 'b'];
    const second = await frames({ text: 'go on', tools, history: [{ userInputMessage: { content: text } }, turn('t1', 'a')], context: result('t1') });
    expect(second.find((f) => f.type === 'toolUseEvent')?.payload).toMatchObject({ name: 'b' });
    const history = [
      { userInputMessage: { content: text } },
      turn('t1', 'a'),
      { userInputMessage: { content: '', userInputMessageContext: result('t1') } },
      turn('t2', 'b'),
    ];
    expect(textOf(await frames({ text: '', tools, history, context: result('t2') }))).toBe('The tool b answered: result of t2');
  });

  it('says so when the wanted tool is not offered', async () => {
    expect(textOf(await frames({ text: '[[sim tool gone {}]]' }))).toBe('The tool gone is not offered here.');
  });

  it('sends tool input as one object, as growing objects, and interleaved', async () => {
    const inputs = async (text: string) =>
      (await frames({ text, tools: ['a', 'b'] })).filter((f) => f.type === 'toolUseEvent').map((f) => [f.payload['name'], f.payload['input']]);
    expect(await inputs('[[sim tool a {"x":1,"y":2}]] [[sim input object]]')).toEqual([['a', { x: 1, y: 2 }], ['a', undefined]]);
    expect(await inputs('[[sim tool a {"x":1,"y":2}]] [[sim input growing]]')).toEqual([['a', {}], ['a', { x: 1 }], ['a', { x: 1, y: 2 }], ['a', undefined]]);
    expect((await inputs('[[sim tool a {"x":1}]] [[sim tool b {"x":1}]] [[sim interleave]]')).map(([name]) => name)).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
  });

  it('thinks natively with a signature that it takes back from this account only', async () => {
    const model = 'claude-opus-4.8';
    const root = { additionalModelRequestFields: { output_config: { effort: 'high' } } };
    const list = await frames({ model, root });
    const thinking = list.filter((f) => f.type === 'reasoningContentEvent').map((f) => f.payload);
    const text = thinking.map((t) => t['text'] ?? '').join('');
    const signature = String(thinking.at(-1)?.['signature']);
    expect(text).toContain('The user wrote something');
    expect(typesOf(list)[0]).toBe('reasoningContentEvent');
    const history = [
      { userInputMessage: { content: 'a' } },
      { assistantResponseMessage: { content: 'b', reasoningContent: { reasoningText: { text, signature } } } },
    ];
    expect((await ask({ model, root, history })).status).toBe(200);
    const other = sim.addCredential({ kind: 'social' });
    const foreign = await generate(sim.url, await accessTokenOf(sim.url, other), completionBody({ model, history, root: { profileArn: other.profileArn } }));
    expect(await foreign.json()).toMatchObject({ reason: 'THINKING_SIGNATURE_INVALID' });
  });

  it('thinks in tags when asked by prompt tags, but not on a tool result', async () => {
    const tags = '<thinking_mode>enabled</thinking_mode><max_thinking_length>4000</max_thinking_length>';
    expect(textOf(await frames({ text: `${tags}\nhello` }))).toMatch(/^<thinking>The user .*<\/thinking>\n\nYou said: hello$/s);
    expect(textOf(await frames({ text: 'hello' }))).toBe('You said: hello');
  });

  it('lets GPT show its thinking sealed and behind the text', async () => {
    const list = await frames({ model: 'gpt-5.6-sol', root: { additionalModelRequestFields: { reasoning: { effort: 'low' } } } });
    expect(typesOf(list).slice(0, 2)).toEqual(['assistantResponseEvent', 'reasoningContentEvent']);
    const redactedContent = list.find((f) => f.type === 'reasoningContentEvent')?.payload['redactedContent'];
    const history = [{ userInputMessage: { content: 'a' } }, { assistantResponseMessage: { content: 'b', reasoningContent: { redactedContent } } }];
    expect((await ask({ model: 'gpt-5.6-sol', history })).status).toBe(200);
  });

  it('tells format and size of the images it saw', async () => {
    const bytes = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(93)]).toString('base64');
    expect(textOf(await frames({ text: 'look', message: { images: [{ format: 'png', source: { bytes } }] } }))).toBe(
      'I see 1 image: png, 101 bytes. You said: look',
    );
  });

  it('says the number of words it was asked for', async () => {
    expect(textOf(await frames({ text: '[[sim words 50]]' })).split(' ')).toHaveLength(50);
  });

  it('is the same for the same seed', async () => {
    const again = await startSimulator();
    const same = again.addCredential({ kind: 'social', id: 'one' });
    const response = await generate(again.url, await accessTokenOf(again.url, same), completionBody({ text: '[[sim tool a {}]]', tools: ['a'], root: { profileArn: same.profileArn } }));
    expect(await framesOf(response)).toEqual(await frames({ text: '[[sim tool a {}]]', tools: ['a'] }));
    await again.close();
  });
});

describe('failures on demand', () => {
  it('refuse with any status and reason', async () => {
    const response = await ask({ text: '[[sim error 429 INSUFFICIENT_MODEL_CAPACITY busy]]' });
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({ message: 'busy', reason: 'INSUFFICIENT_MODEL_CAPACITY' });
  });

  it('hide an error body in a 200', async () => {
    const response = await ask({ text: '[[sim error 200 - odd]]' });
    expect([response.status, response.headers.get('content-type'), await response.json()]).toMatchObject([200, 'application/json', { message: 'odd' }]);
  });

  it.each([
    ['[[sim exception ThrottlingException slow]]', 'ThrottlingException'],
    ['[[sim fail InternalError]]', 'InternalError'],
    ['[[sim invalid CONTENT_LENGTH_EXCEEDED]]', 'invalidStateEvent'],
  ])('break the stream off with a frame: %s', async (directive, type) => {
    const list = await frames({ text: `some words to say before it breaks ${directive}` });
    expect(list.at(-1)?.type).toBe(type);
    expect(typesOf(list)).toEqual(['assistantResponseEvent', type]);
  });

  it('answer with nothing', async () => {
    expect(typesOf(await frames({ text: '[[sim empty]]' }))).toEqual(['metadataEvent', 'contextUsageEvent', 'meteringEvent']);
  });

  it('cut the socket after so many frames', async () => {
    const response = await ask({ text: '[[sim cut 2]] [[sim words 100]]' });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const got: Uint8Array[] = [];
    const readAll = async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        got.push(value);
      }
    };
    await expect(readAll()).rejects.toThrow();
    expect(decodeFrames(Buffer.concat(got))).toHaveLength(2);
    await vi.waitFor(() => expect(sim.witness().overall).toMatchObject({ cut: 1, aborted: 0, inFlight: 0 }));
  });

  it('split the bytes anywhere without changing the stream', async () => {
    expect(textOf(await frames({ text: '🙂 grüße [[sim split 1]]' }))).toBe('You said: 🙂 grüße');
  });

  it('come by chance, and repeat with the seed', async () => {
    const statuses = async (): Promise<number[]> => {
      const own = await startSimulator({ seed: 5, settings: { failureRate: 0.5, failures: [{ weight: 1, behaviour: { error: { status: 503, message: 'x' } } }] } });
      const someone = own.addCredential({ kind: 'social' });
      const bearer = await accessTokenOf(own.url, someone);
      const list: number[] = [];
      for (let i = 0; i < 20; i++) {
        const response = await generate(own.url, bearer, completionBody({ root: { profileArn: someone.profileArn } }));
        await response.arrayBuffer();
        list.push(response.status);
      }
      await own.close();
      return list;
    };
    const first = await statuses();
    expect(new Set(first)).toEqual(new Set([200, 503]));
    expect(await statuses()).toEqual(first);
  });
});

describe('scripts', () => {
  it('are used up: the credential’s own list first, then everybody’s', async () => {
    sim.behave([{ text: 'for all' }]);
    sim.behave([{ text: 'for one' }], 'one');
    expect([textOf(await frames()), textOf(await frames()), textOf(await frames())]).toEqual(['for one', 'for all', 'You said: hello']);
  });

  it('may be a function that looks at the request', async () => {
    sim.behave((view) => (view.text.includes('fail') ? { error: { status: 500, message: view.conversationId } } : undefined));
    expect(textOf(await frames())).toBe('You said: hello');
    expect(await (await ask({ text: 'fail' })).json()).toMatchObject({ message: 'conversation-1' });
  });

  it('may send any events at all', async () => {
    sim.behave([{ events: [{ type: 'codeReferenceEvent', payload: { references: [] } }] }]);
    expect(await frames()).toEqual([{ type: 'codeReferenceEvent', payload: { references: [] } }]);
  });
});

describe('identity', () => {
  it('needs a bearer that is known and fresh', async () => {
    for (const bearer of ['', 'nonsense']) {
      const response = await generate(sim.url, bearer, completionBody({ root: profile() }));
      expect([response.status, await response.json()]).toMatchObject([403, { message: expect.stringContaining('bearer token') as string }]);
    }
    sim.updateCredential('one', { expireAccessTokens: true });
    expect((await ask()).headers.get('x-sim-rule')).toBe('bearer.expired');
    expect(sim.witness()).toMatchObject({ unknownCaller: 2, credentials: { one: { requests: 1, refused: 1 } } });
  });

  it('rotates refresh tokens and refuses the old one', async () => {
    const idc = sim.addCredential({ kind: 'idc', rotate: true, region: 'eu-west-1' });
    const first = (await (await refresh(sim.url, idc)).json()) as { refreshToken: string };
    expect(first).toMatchObject({ tokenType: 'Bearer', expiresIn: 3_600 });
    const again = await refresh(sim.url, idc);
    expect([again.status, await again.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    expect((await refresh(sim.url, { ...idc, refreshToken: first.refreshToken })).status).toBe(200);
    expect(sim.witness().credentials[idc.id]).toMatchObject({ refreshes: 3, refreshesFailed: 1 });
  });

  it('takes OIDC refreshes as camel-case JSON only and without a scope', async () => {
    const idc = sim.addCredential({ kind: 'idc' });
    const good = { clientId: idc.clientId, clientSecret: idc.clientSecret, grantType: 'refresh_token', refreshToken: idc.refreshToken };
    expect((await post('/token', good)).status).toBe(200);
    expect((await post('/token', { ...good, scope: 'x' })).status).toBe(400);
    expect((await post('/token', { client_id: good.clientId, client_secret: good.clientSecret, grant_type: 'refresh_token', refresh_token: good.refreshToken })).status).toBe(400);
    const form = new URLSearchParams(good as Record<string, string>);
    expect((await fetch(`${sim.url}/token`, { method: 'POST', body: form })).status).toBe(400);
    expect((await post('/refreshToken', { refreshToken: idc.refreshToken })).status).toBe(401);
  });

  it('counts refreshes that run at once', async () => {
    sim.settings({ refreshDelayMs: 500 });
    await Promise.all([refresh(sim.url, donor), refresh(sim.url, donor), refresh(sim.url, donor)]);
    expect(sim.witness().credentials['one']).toMatchObject({ refreshes: 4 });
    expect(sim.witness().credentials['one']?.maxConcurrentRefreshes).toBeGreaterThan(1);
  });

  it('refuses suspended accounts, spent ones and models the plan lacks', async () => {
    expect(await (await ask({ model: 'nonsense' })).json()).toMatchObject({ reason: 'INVALID_MODEL_ID' });
    sim.updateCredential('one', { creditsUsed: 1_000 });
    const spent = await ask();
    expect([spent.status, await spent.json()]).toMatchObject([402, { reason: 'MONTHLY_REQUEST_COUNT' }]);
    sim.updateCredential('one', { suspended: true });
    const locked = await ask();
    expect([locked.status, await locked.json()]).toMatchObject([403, { reason: 'TEMPORARILY_SUSPENDED', message: expect.stringMatching(/suspended.*locked your account/) as string }]);
  });

  it('imposes its risk limits by itself and cools', async () => {
    sim.settings({ limits: { per60s: 2, per3600s: null, concurrent: null, coolMs: 60_000 } });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await ask()).status);
    expect(statuses).toEqual([200, 200, 429, 429]);
    expect(await (await ask()).json()).toMatchObject({ message: expect.stringMatching(/suspicious activity.*temporary limits/) as string, reason: null });
  });
});

describe('profiles and hosts', () => {
  const status = async (who: HandedOut, arn: string | null, options: { root?: boolean; model?: string } = {}) => {
    const body = completionBody({ ...(options.model ? { model: options.model } : {}), ...(arn === null ? {} : { root: { profileArn: arn } }) });
    const response = await generate(sim.url, await accessTokenOf(sim.url, who), body, { root: options.root ?? false });
    return [response.status, response.headers.get('x-sim-rule')];
  };
  const placeholder = 'arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX';

  it('want the account’s own ARN from social and IdC logins', async () => {
    const idc = sim.addCredential({ kind: 'idc', region: 'ap-southeast-2', apiRegion: 'eu-central-1' });
    expect(await status(idc, idc.profileArn ?? '')).toEqual([200, null]);
    expect(await status(idc, idc.profileArn ?? '', { root: true })).toEqual([200, null]);
    expect(await status(idc, null, { root: true })).toEqual([400, 'profile.required']);
    expect(await status(idc, null)).toEqual([400, 'profile.required']);
    expect(await status(idc, donor.profileArn ?? '')).toEqual([400, 'profile.region']);
    expect(await status(idc, 'nonsense')).toEqual([400, 'profile.shape']);
    const other = sim.addCredential({ kind: 'idc' });
    expect(await status(other, donor.profileArn ?? '')).toEqual([403, 'profile.foreign']);
    expect(await status(donor, 'arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK')).toEqual([200, null]);
  });

  it('let Builder ID in without an ARN on the older host, with the placeholder on the newer', async () => {
    const builder = sim.addCredential({ kind: 'builder_id' });
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
          authorization: `Bearer ${token}`,
          ...(path === '/'
            ? { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonCodeWhispererStreamingService.GenerateAssistantResponse' }
            : { 'content-type': 'application/json' }),
        };
        const req = request({ port: sim.port, path, method: 'POST', headers }, (res) => {
          res.resume().once('end', () => resolve([res.statusCode, res.headers['x-sim-rule']]));
        });
        req.once('error', reject);
        req.end(JSON.stringify(completionBody({ root: profile() })));
      });
    expect(await withHost('q.us-east-1.amazonaws.com', '/generateAssistantResponse')).toEqual([200, undefined]);
    expect(await withHost('runtime.us-east-1.kiro.dev', '/')).toEqual([200, undefined]);
    expect(await withHost('runtime.eu-central-1.kiro.dev', '/')).toEqual([403, 'route.region']);
    expect(await withHost('runtime.us-east-1.kiro.dev', '/generateAssistantResponse')).toEqual([400, 'route.brandedPath']);
  });

  it('tell profiles, models by plan in pages, and usage', async () => {
    const call = async (who: HandedOut, target: string, body: object = {}) => {
      const headers = {
        authorization: `Bearer ${await accessTokenOf(sim.url, who)}`,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AmazonCodeWhispererService.${target}`,
      };
      const response = await fetch(`${sim.url}/`, { method: 'POST', headers, body: JSON.stringify(body) });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const idc = sim.addCredential({ kind: 'idc' });
    const builder = sim.addCredential({ kind: 'builder_id', plan: 'free', creditsUsed: 12.5 });
    expect((await call(idc, 'ListAvailableProfiles', { maxResults: 10 })).body).toMatchObject({ profiles: [{ arn: idc.profileArn }] });
    expect(await call(builder, 'ListAvailableProfiles')).toMatchObject({ status: 403, body: { message: expect.stringContaining('not supported') as string } });
    expect((await call(idc, 'ListAvailableModels')).status).toBe(400);
    const ids = async (who: HandedOut) => {
      const list: string[] = [];
      for (let nextToken: unknown = null; nextToken !== undefined; ) {
        const { body } = await call(who, 'ListAvailableModels', { maxResults: 7, nextToken, profileArn: who.profileArn });
        list.push(...(body['models'] as { modelId: string }[]).map((model) => model.modelId));
        nextToken = body['nextToken'];
      }
      return list;
    };
    expect(await ids(idc)).toContain('claude-opus-5');
    expect(await ids(builder)).not.toContain('claude-opus-5');
    expect((await call(builder, 'GetUsageLimits')).body).toMatchObject({
      usageBreakdownList: [{ resourceType: 'CREDIT', currentUsageWithPrecision: 12.5, usageLimit: 50 }],
      subscriptionInfo: { subscriptionTitle: 'KIRO FREE' },
    });
    const query = new URLSearchParams({ origin: 'AI_EDITOR', resourceType: 'AGENTIC_REQUEST', profileArn: donor.profileArn ?? '' });
    const got = await fetch(`${sim.url}/getUsageLimits?${query.toString()}`, { headers: { authorization: `Bearer ${token}` } });
    expect(await got.json()).toMatchObject({ userInfo: { email: 'one@example.com' } });
    expect(await call(idc, 'Nonsense')).toMatchObject({ status: 404 });
    expect((await fetch(`${sim.url}/nowhere`)).status).toBe(404);
  });
});

describe('the witness over the wire', () => {
  it('is exact under concurrency', async () => {
    const two = sim.addCredential({ kind: 'social', id: 'two' });
    const bearers = { one: token, two: await accessTokenOf(sim.url, two) };
    const arns = { one: donor.profileArn, two: two.profileArn };
    // Nobody is answered before all are in, so the highest concurrency is known.
    const delayed = (who: 'one' | 'two', text: string) =>
      generate(sim.url, bearers[who], completionBody({ text, root: { profileArn: arns[who] } }), { invocationId: `${who}-${text}` });
    const waves = Array.from({ length: 60 }, (_, i) => delayed(i % 3 === 0 ? 'two' : 'one', `${i} [[sim hold]]`));
    await vi.waitFor(() => expect(sim.held()).toBe(60), { timeout: 20_000, interval: 5 });
    expect(sim.witness().overall.inFlight).toBe(60);
    expect(sim.release()).toBe(60);
    await Promise.all(waves.map(async (wave) => (await wave).arrayBuffer()));
    await vi.waitFor(() => expect(sim.witness().overall.inFlight).toBe(0));
    const { overall, credentials } = sim.witness();
    expect(overall).toMatchObject({ requests: 60, completed: 60, maxConcurrent: 60, maxPer60s: 60, maxPer3600s: 60, byStatus: { 200: 60 } });
    expect(credentials['one']).toMatchObject({ requests: 40, maxConcurrent: 40 });
    expect(credentials['two']).toMatchObject({ requests: 20, maxConcurrent: 20 });
    const seen = sim.requests().filter((r) => r.operation === 'generate');
    expect(new Set(seen.map((r) => r.invocationId)).size).toBe(60);
    expect(seen[0]).toMatchObject({ model: 'claude-sonnet-4.5', conversationId: 'conversation-1', outcome: 'completed', status: 200 });
  });

  it.each([
    ['before the head', '[[sim delay 60000]]', null],
    ['between two frames', '[[sim gap 60000]] [[sim words 40]]', 200],
    ['while the stream stalls', '[[sim stall 1]]', 200],
  ])('notices a client that leaves %s', async (_name, text, status) => {
    const controller = new AbortController();
    const pending = ask({ text }, { signal: controller.signal }).then((response) => response.arrayBuffer());
    const failed = pending.catch((error: unknown) => error);
    await vi.waitFor(() => expect(sim.witness().overall.inFlight).toBe(1), { interval: 5 });
    if (status !== null) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect(await failed).toMatchObject({ name: 'AbortError' });
    await vi.waitFor(() => expect(sim.witness().overall).toMatchObject({ inFlight: 0, aborted: 1, completed: 0 }), { interval: 5 });
    expect(sim.requests().at(-1)).toMatchObject({ outcome: 'aborted' });
    expect(sim.requests().at(-1)?.durationMs).toBeGreaterThanOrEqual(0);
  });

  it('is driven by other processes through /_sim', async () => {
    const made = (await (await post('/_sim/credentials', { kind: 'idc', id: 'far', region: 'eu-west-1' })).json()) as HandedOut;
    expect(made).toMatchObject({ id: 'far', region: 'eu-west-1', clientId: expect.any(String) as string });
    const bearer = await accessTokenOf(sim.url, made);
    expect((await post('/_sim/behave', { credential: 'far', queue: [{ text: 'told' }] })).status).toBe(200);
    const response = await generate(sim.url, bearer, completionBody({ root: { profileArn: made.profileArn } }));
    expect(textOf(await framesOf(response))).toBe('told');
    expect((await post('/_sim/credentials', { id: 'far', suspended: true }, 'PATCH')).status).toBe(200);
    expect((await generate(sim.url, bearer, completionBody({ root: { profileArn: made.profileArn } }))).status).toBe(403);
    expect(await (await fetch(`${sim.url}/_sim/witness`)).json()).toMatchObject({ credentials: { far: { requests: 2, completed: 1, refused: 1 } } });
    expect(await (await fetch(`${sim.url}/_sim/requests?limit=1`)).json()).toMatchObject({ requests: [{ operation: 'refresh' }] });
    expect(await (await post('/_sim/settings', { failureRate: 0.1 })).json()).toMatchObject({ failureRate: 0.1, wordsPerChunk: 4 });
    expect((await post('/_sim/settings', { failureRate: 7 })).status).toBe(400);
    expect((await post('/_sim/credentials', { kind: 'idc', id: 'far' })).status).toBe(400);
    expect((await post('/_sim/nothing', {})).status).toBe(404);
    await post('/_sim/reset', {});
    expect(await (await fetch(`${sim.url}/_sim/witness`)).json()).toMatchObject({ overall: { requests: 0 } });
    expect(await (await fetch(`${sim.url}/_sim/settings`)).json()).toMatchObject({ failureRate: 0 });
  });
});

describe('bad bodies', () => {
  it('are refused with the rule they broke, and the witness keeps it', async () => {
    const refused = await ask({ root: { inferenceConfig: {} } });
    expect([refused.status, refused.headers.get('x-sim-rule'), refused.headers.get('x-sim-path')]).toEqual([400, 'root.unknown', 'inferenceConfig']);
    expect(sim.requests().at(-1)).toMatchObject({ outcome: 'refused', status: 400, rule: 'root.unknown' });
    const broken = await fetch(`${sim.url}/generateAssistantResponse`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"a',
    });
    expect([broken.status, broken.headers.get('x-sim-rule')]).toEqual([400, 'body.json']);
    const form = await fetch(`${sim.url}/generateAssistantResponse`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: 'x' });
    expect(form.status).toBe(415);
  });
});
