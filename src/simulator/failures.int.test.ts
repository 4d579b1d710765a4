import { describe, expect, it, vi } from 'vitest';
import { startSimulator } from './index.js';
import { accessTokenOf, completionBody, decodeFrames, generate, textOf, typesOf } from './testing/client.js';
import { useSimulator } from './testing/fixture.js';

const at = useSimulator();

describe('failures on demand', () => {
  it('refuse with any status and reason', async () => {
    const response = await at.ask({ text: '[[sim error 429 INSUFFICIENT_MODEL_CAPACITY busy]]' });
    expect(response.status).toBe(429);
    expect(await response.json()).toEqual({
      message: 'busy',
      reason: 'INSUFFICIENT_MODEL_CAPACITY',
      __type: 'com.amazon.aws.codewhisperer#ThrottlingException',
    });
  });

  it('hide an error body in a 200', async () => {
    const response = await at.ask({ text: '[[sim error 200 - odd]]' });
    expect([response.status, response.headers.get('content-type'), await response.json()]).toMatchObject([
      200,
      'application/json',
      { message: 'odd' },
    ]);
  });

  it.each([
    ['[[sim exception ThrottlingException slow]]', 'ThrottlingException'],
    ['[[sim fail InternalError]]', 'InternalError'],
    ['[[sim invalid CONTENT_LENGTH_EXCEEDED]]', 'invalidStateEvent'],
  ])('break the stream off with a frame: %s', async (directive, type) => {
    const list = await at.frames({ text: `some words to say before it breaks ${directive}` });
    expect(list.at(-1)?.type).toBe(type);
    expect(typesOf(list)).toEqual(['assistantResponseEvent', type]);
  });

  it('answer with nothing', async () => {
    expect(typesOf(await at.frames({ text: '[[sim empty]]' }))).toEqual(['metadataEvent', 'contextUsageEvent', 'meteringEvent']);
  });

  it('cut the socket after so many frames', async () => {
    const response = await at.ask({ text: '[[sim cut 2]] [[sim words 100]]' });
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
    await vi.waitFor(() => expect(at.sim.witness().overall).toMatchObject({ cut: 1, aborted: 0, inFlight: 0 }));
  });

  it('split the bytes anywhere without changing the stream', async () => {
    expect(textOf(await at.frames({ text: '🙂 grüße [[sim split 1]]' }))).toBe('You said: 🙂 grüße');
  });

  it('come by chance, and repeat with the seed', async () => {
    const statuses = async (): Promise<number[]> => {
      const own = await startSimulator({
        seed: 5,
        settings: { failureRate: 0.5, failures: [{ weight: 1, behaviour: { error: { status: 503, message: 'x' } } }] },
      });
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
    at.sim.behave([{ text: 'for all' }]);
    at.sim.behave([{ text: 'for one' }], 'one');
    expect([textOf(await at.frames()), textOf(await at.frames()), textOf(await at.frames())]).toEqual([
      'for one',
      'for all',
      'You said: hello',
    ]);
  });

  it('may be a function that looks at the request', async () => {
    at.sim.behave((view) => (view.text.includes('fail') ? { error: { status: 500, message: view.conversationId } } : undefined));
    expect(textOf(await at.frames())).toBe('You said: hello');
    expect(await (await at.ask({ text: 'fail' })).json()).toMatchObject({ message: 'conversation-1' });
  });

  it('may send any events at all', async () => {
    at.sim.behave([{ events: [{ type: 'codeReferenceEvent', payload: { references: [] } }] }]);
    expect(await at.frames()).toEqual([{ type: 'codeReferenceEvent', payload: { references: [] } }]);
  });
});

describe('bad bodies', () => {
  it('are refused with the rule they broke, and the witness keeps it', async () => {
    const refused = await at.ask({ root: { inferenceConfig: {} } });
    expect([refused.status, refused.headers.get('x-sim-rule'), refused.headers.get('x-sim-path')]).toEqual([
      400,
      'root.unknown',
      'inferenceConfig',
    ]);
    expect(at.sim.requests().at(-1)).toMatchObject({ outcome: 'refused', status: 400, rule: 'root.unknown' });
    const broken = await fetch(`${at.sim.url}/generateAssistantResponse`, {
      method: 'POST',
      headers: { authorization: `Bearer ${at.token}`, 'content-type': 'application/json' },
      body: '{"a',
    });
    expect([broken.status, broken.headers.get('x-sim-rule')]).toEqual([400, 'body.json']);
    const form = await fetch(`${at.sim.url}/generateAssistantResponse`, {
      method: 'POST',
      headers: { authorization: `Bearer ${at.token}` },
      body: 'x',
    });
    expect(form.status).toBe(415);
  });
});
