import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GenerateCall, ModelEvent, Upstream } from '../define.js';
import { each } from '../testing/events.js';
import { type FixtureServer, frames, generateCall, json, kiroAt, ownArn, startServer } from './fixtureServer.js';
import { assistant, endFrames, eventFrame, joined, modelRequest, textFrame, user } from './fixtures.js';

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

async function collect(call: GenerateCall, upstream = kiro): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of each(upstream.generate(call))) events.push(event);
  return events;
}
const failure = (call: GenerateCall): Promise<unknown> => collect(call).catch((error: unknown) => error);
const bodyOf = (at: number): Record<string, unknown> => JSON.parse(server.seen[at]?.body ?? '{}') as Record<string, unknown>;
const hello = [textFrame('Hello '), textFrame('世界'), ...endFrames()];
const builder = { authType: 'builder_id', clientId: 'c', clientSecret: 's', profileArn: undefined };
const idc = { authType: 'idc', clientId: 'c', clientSecret: 's', profileArn: undefined };
const startStream = (response: ServerResponse, first: Buffer): void => {
  response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' });
  response.write(first);
};
const closed = (response: ServerResponse): Promise<void> => new Promise((resolve) => response.once('close', () => resolve()));

describe('calling Kiro', () => {
  it('B3: a social token speaks AWS-JSON at the root, with our identity and opted out', async () => {
    server.answer = (_, response) => frames(response, hello);
    const events = await collect(generateCall(kiro, { attempt: 2 }));
    expect(joined(events, 'text')).toBe('Hello 世界');
    expect(events.at(-1)).toEqual({ type: 'stop', reason: 'end_turn', sequence: null });
    const [request] = server.seen;
    expect(request).toMatchObject({ method: 'POST', url: '/' });
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer access-token-of-the-test',
      accept: 'application/vnd.amazon.eventstream',
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'AmazonCodeWhispererStreamingService.GenerateAssistantResponse',
      'x-amzn-codewhisperer-optout': 'true',
      'user-agent': 'KiroGate/test',
      'x-amz-user-agent': 'KiroGate/test',
      'amz-sdk-invocation-id': '019a5e3c-2f10-7c3e-8f00-1c2d3e4f5a6b',
      'amz-sdk-request': 'attempt=2; max=3',
    });
    expect(bodyOf(0).profileArn).toBe(ownArn);
  });

  it('B3: a Builder ID speaks JSON at the path, without ARN', async () => {
    server.answer = (_, response) => frames(response, hello);
    await collect(generateCall(kiro, { credential: builder }));
    expect(server.seen[0]?.url).toBe('/generateAssistantResponse');
    expect(server.seen[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'x-amzn-kiro-agent-mode': 'vibe' });
    expect(bodyOf(0)).not.toHaveProperty('profileArn');
  });

  it("B4: an IdC token's ARN is asked for once and then sent with every call", async () => {
    server.answer = (request, response) =>
      request.headers['x-amz-target'] === 'AmazonCodeWhispererService.ListAvailableProfiles'
        ? json(response, 200, { profiles: [{ arn: ownArn }] })
        : frames(response, hello);
    await collect(generateCall(kiro, { credential: idc }));
    await collect(generateCall(kiro, { credential: idc }));
    expect(server.seen.map((request) => request.url)).toEqual(['/', '/generateAssistantResponse', '/generateAssistantResponse']);
    expect(server.seen[0]?.body).toBe('{"maxResults":10}');
    expect(bodyOf(1).profileArn).toBe(ownArn);
    expect(bodyOf(2).profileArn).toBe(ownArn);
  });

  it('B4: an IdC token whose account lists no profile is still tried without', async () => {
    server.answer = (request, response) =>
      request.url === '/' ? json(response, 403, { message: 'User is not authorized to make this call.' }) : frames(response, hello);
    await collect(generateCall(kiro, { credential: idc }));
    expect(bodyOf(1)).not.toHaveProperty('profileArn');
  });

  it('B11: a signature goes back to the account and model that gave it, and to no other', async () => {
    const reasoning = [
      eventFrame('reasoningContentEvent', { text: 'hm' }),
      eventFrame('reasoningContentEvent', { signature: 'sig' }),
      ...hello,
    ];
    server.answer = (_, response) => frames(response, reasoning);
    await collect(generateCall(kiro, { model: 'claude-opus-4.8' }));
    const request = modelRequest({
      messages: [user(0, 'a'), assistant(1, { type: 'thinking', text: 'hm', signature: 'sig' }, 'b'), user(2, 'c')],
    });
    await collect(generateCall(kiro, { request, model: 'claude-opus-4.8' }));
    await collect(generateCall(kiro, { request, model: 'claude-opus-5' }));
    await collect(generateCall(kiro, { request, model: 'claude-opus-4.8', credential: { refreshToken: 'o'.repeat(120) } }));
    expect(server.seen.slice(1).map((seen) => seen.body.includes('reasoningContent'))).toEqual([true, false, false]);
  });

  it('pitfall 36: a 200 that carries JSON is the error it tells of', async () => {
    server.answer = (_, response) => json(response, 200, { __type: 'com.amazon#ThrottlingException', message: 'Too many requests' });
    expect(await failure(generateCall(kiro))).toMatchObject({ kind: 'capacity' });
    server.answer = (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>portal</html>');
    expect(await failure(generateCall(kiro))).toMatchObject({ kind: 'protocol' });
  });

  it("B9: the upstream's words and its Retry-After come along, without our secrets", async () => {
    server.answer = (_, response) =>
      json(response, 429, { message: 'slow down access-token-of-the-test', reason: 'INSUFFICIENT_MODEL_CAPACITY' }, { 'retry-after': '9' });
    expect(await failure(generateCall(kiro))).toMatchObject({
      kind: 'capacity',
      status: 429,
      reason: 'INSUFFICIENT_MODEL_CAPACITY',
      retryAfterMs: 9_000,
      message: 'slow down [secret]',
    });
  });

  it('a cut stream is told from a whole one, from a broken connection and from an empty reply', async () => {
    server.answer = (_, response) => frames(response, [textFrame('half')]);
    expect(await failure(generateCall(kiro))).toMatchObject({ kind: 'protocol' });
    server.answer = (_, response) => frames(response, [textFrame('half'), textFrame('frame').subarray(0, 20)]);
    expect(await failure(generateCall(kiro))).toMatchObject({ kind: 'protocol' });
    server.answer = (_, response) => {
      startStream(response, textFrame('half'));
      setImmediate(() => response.destroy());
    };
    expect(await failure(generateCall(kiro))).toMatchObject({ kind: 'network' });
    server.answer = (_, response) => frames(response, endFrames());
    const seen: ModelEvent[] = [];
    await expect(
      (async () => {
        for await (const event of each(kiro.generate(generateCall(kiro)))) seen.push(event);
      })(),
    ).rejects.toMatchObject({ kind: 'empty' });
    expect(seen.map((event) => event.type)).toEqual(['usage', 'metering']);
  });

  it("pitfall 48: an abort during the stream ends the upstream's socket", async () => {
    const controller = new AbortController();
    let ended: Promise<void> = Promise.resolve();
    server.answer = (_, response) => {
      ended = closed(response);
      startStream(response, textFrame('a'));
    };
    const stream = each(kiro.generate(generateCall(kiro, { signal: controller.signal })));
    expect((await stream.next()).value).toEqual({ type: 'text', text: 'a' });
    controller.abort();
    await expect(stream.next()).rejects.toMatchObject({ kind: 'aborted' });
    await ended;
  });

  it('pitfall 48: an abort before the headers, and one before the call', async () => {
    const controller = new AbortController();
    let ended: Promise<void> = Promise.resolve();
    server.answer = (_, response) => {
      ended = closed(response);
      controller.abort();
    };
    expect(await failure(generateCall(kiro, { signal: controller.signal }))).toMatchObject({ kind: 'aborted' });
    await ended;
    expect(await failure(generateCall(kiro, { signal: controller.signal }))).toMatchObject({ kind: 'aborted' });
    expect(server.seen).toHaveLength(1);
  });

  it("pitfall 48: a consumer that leaves in the middle ends the upstream's socket", async () => {
    let ended: Promise<void> = Promise.resolve();
    server.answer = (_, response) => {
      ended = closed(response);
      startStream(response, textFrame('a'));
    };
    for await (const event of each(kiro.generate(generateCall(kiro)))) {
      expect(event.type).toBe('text');
      break;
    }
    await ended;
  });

  it('an upstream without a first byte is a timeout, also when its headers have come', async () => {
    const hasty = kiroAt(server.url, { firstByteTimeoutMs: 50 });
    server.answer = (_, response) => void response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' }).flushHeaders();
    await expect(collect(generateCall(hasty), hasty)).rejects.toMatchObject({ kind: 'timeout' });
    server.answer = () => {};
    await expect(collect(generateCall(hasty), hasty)).rejects.toMatchObject({ kind: 'timeout' });
    await hasty.close();
  });

  it('pitfall 49: a reader that does not read stops the upstream from sending', async () => {
    const frame = textFrame('x'.repeat(60_000));
    let written = 0;
    let stalled: () => void = () => {};
    const stall = new Promise<void>((resolve) => (stalled = resolve));
    server.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' });
      // Writes as fast as the socket takes it, 64 MB at most; when it takes no more, `drain` stays away.
      const pump = (): void => {
        while (written < 1_000) {
          written += 1;
          if (!response.write(frame)) {
            const timer = setTimeout(stalled, 500);
            response.once('drain', () => {
              clearTimeout(timer);
              pump();
            });
            return;
          }
        }
        response.end(Buffer.concat(endFrames()));
      };
      pump();
    };
    const stream = each(kiro.generate(generateCall(kiro)));
    await stream.next();
    await stall;
    expect(written).toBeLessThan(1_000);
    let length = 60_000;
    for (let next = await stream.next(); !next.done; next = await stream.next())
      if (next.value.type === 'text') length += next.value.text.length;
    expect(length).toBe(60_000_000);
  });

  it('a connection that cannot be made is a network failure', async () => {
    await server.close();
    expect(await failure(generateCall(kiro))).toMatchObject({ kind: 'network' });
  });
});
