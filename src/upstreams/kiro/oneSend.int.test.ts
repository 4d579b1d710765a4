/** One call is one send: what a refusal teaches is for the caller's next attempt (limits count attempts). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIds } from '../../shared/ids.js';
import type { GenerateCall, ModelEvent, Upstream } from '../define.js';
import { each } from '../testing/events.js';
import { boundedMap } from './boundedMap.js';
import { readSecret } from './credentials.js';
import { clock, type FixtureServer, frames, generateCall, json, kiroAt, ownArn, startServer } from './fixtureServer.js';
import { assistant, endFrames, joined, modelRequest, textFrame, user } from './fixtures.js';
import { createFrameDecoder } from './frames.js';
import { type GenerateDeps, generateKiro } from './generate.js';
import { createRouteMemory } from './routeMemory.js';
import { createWire, type Wire } from './wire.js';

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

async function collect(call: GenerateCall): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of each(kiro.generate(call))) events.push(event);
  return events;
}
const failure = (call: GenerateCall): Promise<unknown> => collect(call).catch((error: unknown) => error);
const hello = [textFrame('Hello '), textFrame('世界'), ...endFrames()];
const builder = { authType: 'builder_id', clientId: 'c', clientSecret: 's', profileArn: undefined };
const idc = { authType: 'idc', clientId: 'c', clientSecret: 's', profileArn: undefined };
const foreignThoughts = modelRequest({
  messages: [user(0, 'a'), assistant(1, { type: 'thinking', text: 'hm', signature: 'foreign' }, 'b'), user(2, 'c')],
});

/** Real origins, over a wire of the test's own. */
const generateDeps = (wire: Wire): GenerateDeps => ({
  wire,
  origins: { region: 'us-east-1' },
  identity: 'KiroGate/test',
  firstByteTimeoutMs: 20_000,
  clock,
  ids: createIds(clock),
  routes: createRouteMemory(10),
  profiles: boundedMap(10),
  signatures: boundedMap(10),
  decodeFrame: createFrameDecoder(),
  readSecret,
  onOddity: () => {},
});

describe('one call of Kiro', () => {
  it('B4: "profileArn is required" leads to the next ARN form in the next attempt, and what worked is remembered', async () => {
    server.answer = (request, response) =>
      request.body.includes('"profileArn"')
        ? frames(response, hello)
        : json(response, 400, { message: 'profileArn is required for this request.' });
    let headers = 0;
    const call = generateCall(kiro, { credential: builder, onHeaders: () => void headers++ });
    expect(await failure(call)).toMatchObject({ kind: 'routing', retry: 'same_token' });
    expect(headers).toBe(1);
    await collect(call);
    expect(server.seen.map((request) => request.url)).toEqual(['/generateAssistantResponse', '/']);
    await collect(generateCall(kiro, { credential: builder }));
    expect(server.seen.map((request) => request.url)).toEqual(['/generateAssistantResponse', '/', '/']);
  });

  it("B4: the ARN's form changes once a request", async () => {
    server.answer = (_, response) => json(response, 400, { message: 'profileArn is required for this request.' });
    const call = generateCall(kiro, { credential: { ...builder, profileArn: ownArn } });
    expect(await failure(call)).toMatchObject({ kind: 'routing', retry: 'same_token' });
    expect(await failure(call)).toMatchObject({ kind: 'routing', retry: undefined });
    expect(server.seen).toHaveLength(2);
  });

  it('B3: a dialect that is gone leads to the other in the next attempt, and for the next request also where there was none', async () => {
    server.answer = (request, response) => (request.url === '/' ? json(response, 404, { message: 'no' }) : frames(response, hello));
    expect(await failure(generateCall(kiro))).toMatchObject({ kind: 'routing', status: 404, retry: 'same_token' });
    expect(joined(await collect(generateCall(kiro)), 'text')).toBe('Hello 世界');
    expect(server.seen.map((request) => request.url)).toEqual(['/', '/generateAssistantResponse']);
  });

  it('B3: where no dialect is left the failure stands, in every request, until one works again', async () => {
    server.answer = (_, response) => json(response, 404, { message: 'UnknownOperationException' });
    const call = generateCall(kiro);
    expect(await failure(call)).toMatchObject({ kind: 'routing', retry: 'same_token' });
    expect(await failure(call)).toMatchObject({ kind: 'routing', retry: undefined });
    expect(await failure(generateCall(kiro))).toMatchObject({ kind: 'routing', retry: undefined });
    expect(server.seen).toHaveLength(3);
    server.answer = (_, response) => frames(response, hello);
    await collect(generateCall(kiro));
    server.answer = (_, response) => json(response, 404, {});
    expect(await failure(generateCall(kiro))).toMatchObject({ kind: 'routing', retry: 'same_token' });
  });

  it('a first contact on which everything goes wrong that can ends within three sends', async () => {
    server.answer = (request, response) => {
      if (request.headers['x-amz-target'] === 'AmazonCodeWhispererService.ListAvailableProfiles')
        json(response, 200, { profiles: [{ arn: ownArn }] });
      else if (request.url !== '/') json(response, 404, {});
      else if (request.body.includes('reasoningContent')) json(response, 400, { message: 'x', reason: 'THINKING_SIGNATURE_INVALID' });
      else frames(response, hello);
    };
    const call = generateCall(kiro, { credential: idc, request: foreignThoughts, model: 'claude-opus-4.8' });
    expect(await failure(call)).toMatchObject({ retry: 'same_token' });
    expect(await failure(call)).toMatchObject({ retry: 'same_token' });
    expect(joined(await collect(call), 'text')).toBe('Hello 世界');
  });

  it.each([400, 403, 429, 500])('pitfall 62: one call is one send, whatever a %i says', async (status) => {
    const words = ['Improperly formed request.', 'profileArn is required', 'UnknownOperationException', 'THINKING_SIGNATURE_INVALID'];
    for (const [index, message] of words.entries()) {
      server.answer = (_, response) => json(response, status, { message });
      await failure(generateCall(kiro, { credential: index % 2 === 0 ? {} : builder }));
      expect(server.seen).toHaveLength(index + 1);
    }
  });

  it('B3: an ordinary 400 leads nowhere else', async () => {
    server.answer = (_, response) => json(response, 400, { message: 'Improperly formed request.' });
    expect(await failure(generateCall(kiro))).toMatchObject({ kind: 'client', status: 400, retry: undefined });
  });

  it('B9: a refused signature is answered once, in the next attempt of the request, by leaving out all reasoning', async () => {
    server.answer = (_, response) => json(response, 400, { message: 'x', reason: 'THINKING_SIGNATURE_INVALID' });
    const call = generateCall(kiro, { request: foreignThoughts, model: 'claude-opus-4.8' });
    expect(await failure(call)).toMatchObject({ kind: 'client', status: 400, retry: 'same_token' });
    expect(await failure(call)).toMatchObject({ kind: 'client', status: 400, retry: undefined });
    server.answer = (_, response) => frames(response, hello);
    await collect(generateCall(kiro, { request: foreignThoughts, model: 'claude-opus-4.8' }));
    expect(server.seen.map((seen) => seen.body.includes('reasoningContent'))).toEqual([true, false, true]);
  });

  it('an address that cannot be reached was sent nothing, so the next one is asked in the same call', async () => {
    server.answer = (_, response) => frames(response, hello);
    const origins = new Map([
      ['https://runtime.us-east-1.kiro.dev', 'http://127.0.0.1:1'],
      ['https://q.us-east-1.amazonaws.com', server.url],
    ]);
    const wire = createWire();
    const sent: string[] = [];
    const redirected: Wire = {
      ...wire,
      send(request) {
        sent.push(request.origin);
        return wire.send({ ...request, origin: origins.get(request.origin) ?? request.origin });
      },
    };
    const found = [];
    for await (const event of each(generateKiro(generateDeps(redirected), generateCall(kiro)))) found.push(event);
    expect(joined(found, 'text')).toBe('Hello 世界');
    expect(sent).toEqual([...origins.keys()]);
    expect(server.seen).toHaveLength(1);
    await wire.close();
  });
});
