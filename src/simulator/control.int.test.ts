import { describe, expect, it, vi } from 'vitest';
import type { HandedOut } from './routes/control.js';
import { accessTokenOf, completionBody, framesOf, generate, textOf } from './testing/client.js';
import { useSimulator } from './testing/fixture.js';

const at = useSimulator();

describe('the witness over the wire', () => {
  it('is exact under concurrency', async () => {
    const two = at.sim.addCredential({ kind: 'social', id: 'two' });
    const bearers = { one: at.token, two: await accessTokenOf(at.sim.url, two) };
    const arns = { one: at.donor.profileArn, two: two.profileArn };
    // Nobody is answered before all are in, so the highest concurrency is known.
    const delayed = (who: 'one' | 'two', text: string) =>
      generate(at.sim.url, bearers[who], completionBody({ text, root: { profileArn: arns[who] } }), { invocationId: `${who}-${text}` });
    const waves = Array.from({ length: 60 }, (_, i) => delayed(i % 3 === 0 ? 'two' : 'one', `${i} [[sim hold]]`));
    await vi.waitFor(() => expect(at.sim.held()).toBe(60), { timeout: 20_000, interval: 5 });
    expect(at.sim.witness().overall.inFlight).toBe(60);
    expect(at.sim.release()).toBe(60);
    await Promise.all(waves.map(async (wave) => (await wave).arrayBuffer()));
    await vi.waitFor(() => expect(at.sim.witness().overall.inFlight).toBe(0));
    const { overall, credentials } = at.sim.witness();
    expect(overall).toMatchObject({
      requests: 60,
      completed: 60,
      maxConcurrent: 60,
      maxPer60s: 60,
      maxPer3600s: 60,
      byStatus: { 200: 60 },
    });
    expect(credentials.one).toMatchObject({ requests: 40, maxConcurrent: 40 });
    expect(credentials.two).toMatchObject({ requests: 20, maxConcurrent: 20 });
    const seen = at.sim.requests().filter((r) => r.operation === 'generate');
    expect(new Set(seen.map((r) => r.invocationId)).size).toBe(60);
    expect(seen[0]).toMatchObject({ model: 'claude-sonnet-4.5', conversationId: 'conversation-1', outcome: 'completed', status: 200 });
  });

  it.each([
    ['before the head', '[[sim delay 60000]]', null],
    ['between two frames', '[[sim gap 60000]] [[sim words 40]]', 200],
    ['while the stream stalls', '[[sim stall 1]]', 200],
  ])('notices a client that leaves %s', async (_name, text, status) => {
    const controller = new AbortController();
    const head = at.ask({ text }, { signal: controller.signal });
    const failed = head.then((response) => response.arrayBuffer()).catch((error: unknown) => error);
    if (status !== null) await head;
    await vi.waitFor(() => expect(at.sim.witness().overall.inFlight).toBe(1), { interval: 5 });
    controller.abort();
    expect(await failed).toMatchObject({ name: 'AbortError' });
    await vi.waitFor(() => expect(at.sim.witness().overall).toMatchObject({ inFlight: 0, aborted: 1, completed: 0 }), { interval: 5 });
    expect(at.sim.requests().at(-1)).toMatchObject({ outcome: 'aborted', status });
    expect(at.sim.requests().at(-1)?.durationMs).toBeGreaterThanOrEqual(0);
  });

  it('is driven by other processes through /_sim', async () => {
    const made = (await (await at.post('/_sim/credentials', { kind: 'idc', id: 'far', region: 'eu-west-1' })).json()) as HandedOut;
    expect(made).toMatchObject({ id: 'far', region: 'eu-west-1', clientId: expect.any(String) as string });
    const bearer = await accessTokenOf(at.sim.url, made);
    expect((await at.post('/_sim/behave', { credential: 'far', queue: [{ text: 'told' }] })).status).toBe(200);
    const response = await generate(at.sim.url, bearer, completionBody({ root: { profileArn: made.profileArn } }));
    expect(textOf(await framesOf(response))).toBe('told');
    expect((await at.post('/_sim/credentials', { id: 'far', suspended: true }, 'PATCH')).status).toBe(200);
    expect((await generate(at.sim.url, bearer, completionBody({ root: { profileArn: made.profileArn } }))).status).toBe(403);
    expect(await (await fetch(`${at.sim.url}/_sim/witness`)).json()).toMatchObject({
      credentials: { far: { requests: 2, completed: 1, refused: 1 } },
    });
    expect(await (await fetch(`${at.sim.url}/_sim/requests?limit=1`)).json()).toMatchObject({ requests: [{ operation: 'refresh' }] });
    expect(await (await at.post('/_sim/settings', { failureRate: 0.1 })).json()).toMatchObject({ failureRate: 0.1, wordsPerChunk: 4 });
    expect((await at.post('/_sim/settings', { failureRate: 7 })).status).toBe(400);
    expect((await at.post('/_sim/credentials', { kind: 'idc', id: 'far' })).status).toBe(400);
    expect((await at.post('/_sim/nothing', {})).status).toBe(404);
    await at.post('/_sim/reset', {});
    expect(await (await fetch(`${at.sim.url}/_sim/witness`)).json()).toMatchObject({ overall: { requests: 0 } });
    expect(await (await fetch(`${at.sim.url}/_sim/settings`)).json()).toMatchObject({ failureRate: 0 });
  });
});
