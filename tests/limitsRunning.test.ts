/** What happens to a token while a request runs on it: the request ends normally, and nothing new goes out on that token. */
import { afterEach, describe, expect, it } from 'vitest';
import { memberPanel } from './support/memberPanel.js';
import { type Service, startService } from './support/service.js';
import { addTokens, ask, codeOf, type GivenToken, terminals } from './support/traffic.js';
import { until } from './support/until.js';

let service: Service | undefined;
afterEach(async () => {
  await service?.stop();
  service = undefined;
});

const lock = { error: { status: 403, reason: 'TEMPORARILY_SUSPENDED', message: 'Your account is suspended; we locked your account' } };
const callsOf = ({ sim }: Service, token: GivenToken): number => sim.witness().credentials[token.credential]?.requests ?? 0;

/** Two public tokens, of which one has a held call on it. */
async function running(
  stream: boolean,
): Promise<{ node: Service; key: string; busy: GivenToken; other: GivenToken; reply: Promise<Response> }> {
  const node = await startService({ env: { TOKEN_MAX_CONSECUTIVE_USES: '1' } });
  service = node;
  const [busy, other] = await addTokens(node, 2);
  if (!busy || !other) throw new Error('two tokens were asked for');
  const { key } = await node.admin.member('runner');
  await node.admin.post(`/admin/api/tokens/${other.id}/pause`);
  const reply = ask(node.url, key, '[[sim hold]] [[sim say unharmed]]', { stream });
  await until('the call to run', () => (node.sim.held() === 1 ? true : undefined));
  await node.admin.post(`/admin/api/tokens/${other.id}/resume`);
  return { node, key, busy, other, reply };
}

async function endsNormally(reply: Promise<Response>, stream: boolean): Promise<void> {
  const answer = await reply;
  expect(answer.status).toBe(200);
  const text = await answer.text();
  expect(text).toContain('unharmed');
  if (stream) {
    expect(text).toContain('event: message_stop');
    expect(text).not.toContain('event: error');
  }
}

describe.each([
  ['streamed', true],
  ['whole', false],
])('a %s reply that runs while its token', (_name, stream) => {
  const ways: readonly [string, (node: Service, token: GivenToken, key: string) => Promise<unknown>][] = [
    ['is removed', (node, token) => node.admin.del(`/admin/api/tokens/${token.id}`)],
    ['is paused', (node, token) => node.admin.post(`/admin/api/tokens/${token.id}/pause`)],
    [
      'is banned by the upstream',
      async (node, token, key) => {
        node.sim.behave([lock], token.credential);
        // Rotation takes both tokens in turn, so one of two calls finds the lock.
        for (let i = 0; i < 2; i += 1) expect((await ask(node.url, key, `finds the lock ${i}`)).status).toBe(200);
        await until('the suspension', async () => {
          const tokens = await node.admin.all<{ id: string; statusReason: string }>('/admin/api/tokens');
          return tokens.some((one) => one.id === token.id && one.statusReason === 'upstream') ? true : undefined;
        });
      },
    ],
  ];
  it.each(ways)('%s ends normally, and nothing new is sent on that token', async (_way, stop) => {
    const { node, key, busy, other, reply } = await running(stream);
    await stop(node, busy, key);
    const before = callsOf(node, busy);
    const servedBefore = callsOf(node, other);
    // A 2xx of the admin API binds at the next admission: these all go to the other token.
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(node.url, key, `new ${i}`)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(callsOf(node, busy)).toBe(before);
    expect(callsOf(node, other) - servedBefore).toBe(20);
    expect(node.sim.held()).toBe(1);
    node.sim.release();
    await endsNormally(reply, stream);
    for (let i = 0; i < 4; i += 1) expect((await ask(node.url, key, `later ${i}`)).status).toBe(200);
    expect(callsOf(node, busy)).toBe(before);
    const ends = await terminals(node, 25);
    expect(ends.find((end) => end.data.tokenId === busy.id)).toMatchObject({ type: 'kirogate.token.used', data: { charged: true } });
    expect(new Set(ends.map((end) => end.data.requestId)).size).toBe(ends.length);
  });

  it('belongs to a member who is banned ends normally; the member gets nothing more', async () => {
    const node = await startService();
    service = node;
    const member = await memberPanel(node, 'owner');
    const [own] = await addTokens(node, 1, { userId: member.userId, visibility: 'private' });
    if (!own) throw new Error('a token was asked for');
    const reply = ask(node.url, member.key, '[[sim hold]] [[sim say unharmed]]', { stream });
    await until('the call to run', () => (node.sim.held() === 1 ? true : undefined));
    await node.admin.post('/admin/api/users/batch-ban', { ids: [member.userId] });
    const refused = await ask(node.url, member.key, 'once more');
    expect(refused.status).toBe(403);
    expect(await codeOf(refused)).toBe('user_banned');
    node.sim.release();
    await endsNormally(reply, stream);
    expect(callsOf(node, own)).toBe(1);
    expect(await terminals(node, 1)).toMatchObject([{ type: 'kirogate.token.used', data: { tokenId: own.id } }]);
  });
});

describe('a second try', () => {
  it('goes to another token when the first was removed while it failed', async () => {
    const node = await startService();
    service = node;
    const [busy, other] = await addTokens(node, 2);
    if (!busy || !other) throw new Error('two tokens were asked for');
    const { key } = await node.admin.member('runner');
    // Stale access tokens are tried again on the same token: unless that one is gone.
    node.sim.behave([{ hold: true, error: { status: 403, message: 'The bearer token included in the request is invalid.' } }]);
    const reply = ask(node.url, key, 'try again');
    await until('the call to run', () => (node.sim.held() === 1 ? true : undefined));
    const [first, second] = callsOf(node, busy) === 1 ? [busy, other] : [other, busy];
    await node.admin.del(`/admin/api/tokens/${first.id}`);
    node.sim.release();
    expect((await reply).status).toBe(200);
    expect(callsOf(node, first)).toBe(1);
    expect(callsOf(node, second)).toBe(1);
  });
});
