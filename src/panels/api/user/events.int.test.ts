/** A member's event stream: their own things, from where they left off, for as long as they may. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenUsed } from '../../../events/token/used.js';
import { type Member, openTestPanel, refreshTokenOf, type TestPanel } from '../testing/panel.js';

let panel: TestPanel;
beforeAll(async () => {
  panel = await openTestPanel();
});
afterAll(() => panel.close());

interface Seen {
  readonly id: string;
  readonly name: string;
  readonly data: Record<string, unknown>;
}

/** Listens until `until` says yes of what came, or the stream ends. */
async function listen(
  as: Member,
  until: (seen: Seen[]) => boolean,
  headers: Record<string, string> = {},
  then = async () => undefined as unknown,
): Promise<Seen[]> {
  const stop = new AbortController();
  const response = await fetch(`${panel.base}/user/api/events/stream`, { headers: { cookie: as.cookie, ...headers }, signal: stop.signal });
  expect(response.status).toBe(200);
  await then();
  const seen: Seen[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string): string =>
        block
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2) ?? '';
      if (field('data') !== '') seen.push({ id: field('id'), name: field('event'), data: JSON.parse(field('data')) });
    }
    if (until(seen)) break;
  }
  stop.abort();
  return seen;
}

const request = (userId: string, tokenId: string) => ({
  type: tokenUsed.type,
  subject: `token/${tokenId}`,
  data: { ...tokenUsed.example, userId, tokenId },
});

async function donated(as: Member, name: string): Promise<string> {
  const body = { provider: 'kiro', authType: 'social', refreshToken: refreshTokenOf(name), visibility: 'public' };
  return (await panel.call('POST', '/user/api/tokens', { as, body })).body.id;
}

describe('the stream of a member', () => {
  it('tells of their own requests, tokens and keys and of announcements, of another’s use only that it was', async () => {
    const [ada, bob] = [await panel.member('ada'), await panel.member('bob')];
    const token = await donated(ada, 'token-of-ada');
    const seen = await listen(
      ada,
      (all) => all.some(({ name }) => name === 'announcement'),
      {},
      async () => {
        await panel.traffic([request(bob.id, token), request(ada.id, 'other')]);
        await panel.call('POST', '/user/api/keys', { as: bob, body: { name: 'secret key of bob' } });
        await panel.call('POST', '/user/api/keys', { as: ada, body: { name: 'mine' } });
        await panel.admin('POST', `/admin/api/tokens/${token}/pause`);
        await donated(bob, 'token-of-bob');
        await panel.admin('POST', '/admin/api/announcements', { content: 'hello' });
      },
    );
    expect(seen.map(({ name, data }) => `${name} ${data.change ?? data.outcome}`).sort()).toEqual(
      ['announcement published', 'key issued', 'request completed', 'token suspended', 'token used'].sort(),
    );
    expect(seen.find(({ data }) => data.change === 'suspended')?.data.data).toEqual({
      kind: 'token',
      tokenId: token,
      tokenName: null,
      reason: 'admin',
    });
    expect(JSON.stringify(seen)).not.toMatch(new RegExp(`bob|${bob.id}`));
  });

  it('resumes behind the last event that came', async () => {
    const eve = await panel.member('eve');
    const issue = (name: string) => panel.call('POST', '/user/api/keys', { as: eve, body: { name } });
    const first = await listen(
      eve,
      (all) => all.length === 1,
      {},
      () => issue('one'),
    );
    await issue('two');
    await issue('three');
    const rest = await listen(eve, (all) => all.length === 2, { 'last-event-id': first[0]?.id ?? '' });
    expect(rest.map(({ name, data }) => [name, data.change])).toEqual([
      ['key', 'issued'],
      ['key', 'issued'],
    ]);
    const bad = await fetch(`${panel.base}/user/api/events/stream`, { headers: { cookie: eve.cookie, 'last-event-id': 'zzz' } });
    expect(bad.status).toBe(400);
  });

  it.each([
    ['a ban', (id: string) => panel.admin('POST', '/admin/api/users/batch-ban', { ids: [id] })],
    ['a revocation of sessions', (id: string) => panel.admin('POST', `/admin/api/users/${id}/revoke-sessions`)],
    ['signing out', (_id: string, as: Member) => panel.call('POST', '/auth/logout', { as })],
  ])('ends with %s', async (name, end) => {
    const mallory = await panel.member(`mallory-${name.length}`);
    // Would listen for ever.
    await listen(
      mallory,
      () => false,
      {},
      () => end(mallory.id, mallory),
    );
    expect((await fetch(`${panel.base}/user/api/events/stream`, { headers: { cookie: mallory.cookie } })).status).toBe(401);
  });

  it('is bounded per caller', async () => {
    const greedy = await panel.member('greedy');
    const open = () => fetch(`${panel.base}/user/api/events/stream`, { headers: { cookie: greedy.cookie } });
    const answers: Response[] = [];
    for (let count = 0; count < 21; count += 1) answers.push(await open());
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
    expect(statuses.at(-1)).toBe(429);
    for (const answer of answers) await answer.body?.cancel();
  });
});
