/** One admission is one send, also where the upstream wants the request in another way: the caps and the record hold for every send (spec R12). */
import { afterEach, describe, expect, it } from 'vitest';
import type { CredentialKind } from '../src/simulator/credentials.js';
import { type Service, startService } from './support/service.js';
import { addTokens, ask, type Terminal, terminals } from './support/traffic.js';

let service: Service | undefined;
afterEach(async () => {
  await service?.stop();
  service = undefined;
});

async function started(env: Record<string, string> = {}): Promise<{ node: Service; key: string }> {
  const node = await startService({ env });
  service = node;
  return { node, key: (await node.admin.member('persistent')).key };
}

const sends = ({ sim }: Service): number => sim.witness().overall.requests;
const attemptsOf = (ends: readonly Terminal[]): number => ends.reduce((sum, { data }) => sum + (data.attempts?.length ?? 0), 0);

/** The credential's donation, in its own kind. */
async function donate({ sim, admin }: Service, kind: CredentialKind): Promise<void> {
  const { refreshToken, clientId, clientSecret } = sim.addCredential({ kind });
  const client = kind === 'social' ? {} : { clientId, clientSecret };
  await admin.post('/admin/api/tokens', { provider: 'kiro', authType: kind, refreshToken, visibility: 'public', ...client });
}

const thoughtful = (model: string): unknown => ({
  model,
  max_tokens: 500,
  messages: [
    { role: 'user', content: 'a question' },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'of another account' },
        { type: 'text', text: 'an answer' },
      ],
    },
    { role: 'user', content: 'and now?' },
  ],
});

const post = (url: string, key: string, body: unknown): Promise<Response> =>
  fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('what is to be sent in another way', () => {
  it.each([
    ['a refused signature', '[[sim error 400 THINKING_SIGNATURE_INVALID bad signature]]', [400]],
    ['an operation that is gone', '[[sim error 404 - UnknownOperationException]]', [502]],
    ['a profile that is missing', '[[sim error 400 - profileArn is required for this request.]]', [502]],
  ])('%s stays within the caps, and each send is an attempt of the record', async (_what, content, failed) => {
    const { node, key } = await started({ TOKEN_RPM_LIMIT: '10' });
    await addTokens(node, 1);
    const answers: Response[] = [];
    for (let i = 0; i < 10; i += 1) answers.push(await ask(node.url, key, `${content} ${i}`));
    answers.push(...(await Promise.all(Array.from({ length: 10 }, (_, i) => ask(node.url, key, `${content} together ${i}`)))));
    const admitted = answers.filter(({ status }) => status !== 429 && status !== 503);
    for (const { status } of admitted) expect(failed).toContain(status);
    const ends = await terminals(node, admitted.length);
    expect(ends).toHaveLength(admitted.length);
    for (const tally of Object.values(node.sim.witness().credentials)) expect(tally.maxPer60s).toBeLessThanOrEqual(10);
    expect(attemptsOf(ends)).toBe(sends(node));
    for (const { data } of ends) expect(data.attempts?.length).toBeLessThanOrEqual(3);
    expect(sends(node)).toBeGreaterThan(1);
  });

  it('is not sent more often than it is admitted while a token has room for one only', async () => {
    const { node, key } = await started({ TOKEN_RPM_LIMIT: '1' });
    await addTokens(node, 1);
    const answer = await ask(node.url, key, '[[sim error 400 THINKING_SIGNATURE_INVALID bad signature]]');
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: { message: string } }).error.message).toContain('bad signature');
    expect(sends(node)).toBe(1);
    expect(attemptsOf(await terminals(node, 1))).toBe(1);
  });

  it("serves thoughts with another account's signature in a second attempt on the same token", async () => {
    const { node, key } = await started();
    await addTokens(node, 3);
    expect((await post(node.url, key, thoughtful('claude-opus-4-8'))).status).toBe(200);
    const [end] = await terminals(node, 1);
    expect(end?.data.attempts).toMatchObject([{ outcome: 'failed' }, { outcome: 'success' }]);
    expect(new Set(end?.data.attempts?.map(({ tokenId }) => tokenId)).size).toBe(1);
    expect(sends(node)).toBe(2);
  });

  it.each(['social', 'idc', 'builder_id'] as const)('serves the first request of a %s credential', async (kind) => {
    const { node, key } = await started();
    await donate(node, kind);
    for (const model of ['claude-sonnet-4-5', 'claude-opus-4-8']) {
      expect((await post(node.url, key, { ...(thoughtful(model) as object), model })).status).toBe(200);
    }
    expect(attemptsOf(await terminals(node, 2))).toBe(sends(node));
  });
});

describe("a caller's words that the upstream repeats", () => {
  const accused = 'Your account is suspended: we locked your account for suspicious activity; you have reached the limit.';
  it.each([400, 500])('do nothing to a token in a %i', async (status) => {
    const { node, key } = await started();
    await addTokens(node, 1);
    await ask(node.url, key, `[[sim error ${status} - ${accused}]]`);
    const [token] = await node.admin.all<{ status: string; cooldownUntil: string | null }>('/admin/api/tokens');
    expect(token).toMatchObject({ status: 'active', cooldownUntil: null });
    expect((await ask(node.url, key, 'hello')).status).toBe(200);
  });
});
