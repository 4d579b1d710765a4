/** What donors may do: give many at once, say how their tokens are used, see who used them, take them back with proof. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenFailed } from '../../../events/token/failed.js';
import { tokenUsed } from '../../../events/token/used.js';
import { sql } from '../../../infra/database/port.js';
import { type Member, openTestPanel, refreshTokenOf, type TestPanel } from '../testing/panel.js';

let panel: TestPanel;
let ada: Member;
let bob: Member;
beforeAll(async () => {
  panel = await openTestPanel();
  ada = await panel.member('ada');
  bob = await panel.member('bob');
});
afterAll(() => panel.close());

async function donated(as: Member, name: string): Promise<string> {
  const body = { provider: 'kiro', authType: 'social', refreshToken: refreshTokenOf(name), visibility: 'public', name };
  return (await panel.call('POST', '/user/api/tokens', { as, body })).body.id;
}

describe('a bulk donation', () => {
  it('takes camelCase and snake_case in one file and says of each that it refuses why', async () => {
    const file = [
      { refreshToken: refreshTokenOf('one'), name: 'one', dailyCap: 5 },
      {
        refresh_token: refreshTokenOf('two'),
        auth_method: 'social',
        daily_cap: 7,
        allowed_models: ['claude-sonnet-4-5'],
        visibility: 'private',
      },
      { refreshToken: 'short' },
      { refreshToken: refreshTokenOf('one') },
      { refreshToken: refreshTokenOf('four'), baseUrl: 'http://169.254.169.254/' },
      { refreshToken: refreshTokenOf('five'), base_url: 'http://169.254.169.254/' },
      { refreshToken: refreshTokenOf('six'), dailyCap: 0 },
      17,
      null,
    ];
    const { status, body } = await panel.call('POST', '/user/api/tokens/import', { as: ada, body: file });
    expect([status, body.accepted]).toEqual([200, 2]);
    expect(body.rejected.map(({ index }: { index: number }) => index)).toEqual([2, 3, 4, 5, 6, 7, 8]);
    expect(body.rejected[1].reason).toContain('already');
    expect(body.rejected[2].reason).toContain('baseUrl');
    expect(body.rejected.map(({ code, param }: { code: string; param: string | null }) => [code, param]).slice(0, 3)).toEqual([
      ['looks_cut', 'refreshToken'],
      ['in_pool_already', null],
      ['invalid_request', 'baseUrl'],
    ]);
    expect(body.rejected[4].issue).toMatchObject({ code: 'range', min: 1 });
    expect(JSON.stringify(body)).not.toContain('rrrr');
    const [one, two] = body.ids.map((id: string) => panel.directory.token(id));
    expect(one).toMatchObject({ ownerId: ada.id, visibility: 'public', name: 'one', dailyCap: 5 });
    expect(two).toMatchObject({ ownerId: ada.id, visibility: 'private', dailyCap: 7, allowedModels: ['claude-sonnet-4.5'] });
  });

  it('takes a file of lines as it is', async () => {
    const text = `${refreshTokenOf('line-a')}\r\n\n  ${refreshTokenOf('line-b')}\n${refreshTokenOf('line-a')}\n`;
    const headers = { 'content-type': 'text/plain' };
    const { body } = await panel.call('POST', '/user/api/tokens/import', { as: bob, body: text, headers });
    expect([body.accepted, body.ids.length, body.rejected.length]).toEqual([2, 2, 1]);
  });

  it('takes tables and JSON Lines, and no line that can be no token', async () => {
    const send = async (body: string) =>
      (await panel.call('POST', '/user/api/tokens/import', { as: bob, body, headers: { 'content-type': 'text/plain' } })).body;
    const social = await send(`refreshToken,name\n${refreshTokenOf('csv')},Casey`);
    expect([social.accepted, panel.directory.token(social.ids[0])?.name]).toEqual([1, 'Casey']);
    const idc = await send(`refreshToken,clientId\n${refreshTokenOf('csv-idc')},xx`);
    expect([idc.accepted, idc.rejected]).toEqual([
      0,
      [{ index: 0, reason: expect.stringContaining('clientSecret'), code: 'missing', param: 'clientSecret' }],
    ]);
    const mixed = await send(
      `tok-one\n\n[bad json\n{"refreshToken":"zzz"}\n${refreshTokenOf('csv')},xx\n{refreshToken:${refreshTokenOf('q')}}`,
    );
    expect([mixed.accepted, mixed.rejected.map(({ index }: { index: number }) => index)]).toEqual([0, [0, 1, 2, 3, 4]]);
    const lines = await send(
      [{ refreshToken: refreshTokenOf('jl') }, { refreshToken: 'cut' }].map((one) => JSON.stringify(one)).join('\n'),
    );
    expect([lines.accepted, lines.rejected.length]).toEqual([1, 1]);
    const wrapped = { accounts: [{ refreshToken: refreshTokenOf('wrapped'), provider: 'Google', authMethod: 'social' }] };
    expect((await panel.call('POST', '/user/api/tokens/import', { as: bob, body: wrapped })).body.accepted).toBe(1);
  });

  it('keeps to the donor what they chose to keep, in whatever form it comes, unless a row says otherwise', async () => {
    const r = (name: string) => refreshTokenOf(`own-${name}`);
    const one = (name: string, more: object = {}) => JSON.stringify({ refreshToken: r(name), ...more });
    const kept = [
      `${r('a1')}\n${r('a2')}`,
      `[${one('b1')},${one('b2')},]`,
      `${one('c1')}\n${one('c2')}`,
      `[${one('d1')}, {"refreshToken": broken}, ${one('d2')}]`,
      `refreshToken,name\n${r('e1')},x\n${r('e2')},y`,
      JSON.stringify({ accounts: [{ refreshToken: r('f1') }, r('f2')] }),
      `${one('g1', { Visibility: 'private' })}${one('g2')}`,
    ];
    const visibilities = async (body: string, query: string, more: object = {}): Promise<unknown[]> => {
      const answer = await panel.call('POST', `/user/api/tokens/import${query}`, { as: bob, body, ...more });
      return answer.body.ids.map((id: string) => panel.directory.token(id)?.visibility);
    };
    // As the panel sends it, a text in JSON.
    for (const text of kept) expect(await visibilities(JSON.stringify(text), '?visibility=private')).toEqual(['private', 'private']);
    const plain = { headers: { 'content-type': 'text/plain' } };
    const mixed = `refreshToken,visibility\n${r('h1')},public\n${r('h2')},`;
    expect(await visibilities(mixed, '?visibility=private', plain)).toEqual(['public', 'private']);
    expect(await visibilities(`[${one('i1', { Visibility: 'private' })}, ${one('i2')}]`, '', plain)).toEqual(['private', 'public']);
    expect((await panel.call('POST', '/user/api/tokens/import?visibility=secret', { as: bob, body: [] })).body.error.param).toBe(
      'visibility',
    );
  });

  it('takes a file of some megabytes, and refuses what is no list at once', async () => {
    const padded = [{ refreshToken: refreshTokenOf('padded'), note: 'x'.repeat(2_000_000) }];
    expect((await panel.call('POST', '/user/api/tokens/import', { as: bob, body: padded })).body.accepted).toBe(1);
    const answer = await panel.call('POST', '/user/api/tokens/import', { as: bob, body: '[{', headers: { 'content-type': 'text/plain' } });
    expect([answer.status, answer.body.error.code]).toEqual([400, 'invalid_request']);
    const many = Array.from({ length: 5_001 }, () => 'x');
    expect((await panel.call('POST', '/user/api/tokens/import', { as: bob, body: many })).status).toBe(400);
  });
});

describe('what the donor sets', () => {
  it('names models as the upstream does, so that the limits match them, and refuses what is none', async () => {
    const id = await donated(ada, 'models');
    const patch = (allowedModels: unknown) => panel.call('PATCH', `/user/api/tokens/${id}`, { as: ada, body: { allowedModels } });
    expect((await patch(['claude-sonnet-4-5', 'claude-sonnet-4.5'])).body.allowedModels).toEqual(['claude-sonnet-4.5']);
    const refused = await patch(['claude-sonnet-4-5', '<img src=x>']);
    expect([refused.status, refused.body.error.param]).toEqual([400, 'allowedModels[1]']);
    expect((await patch(null)).body.allowedModels).toBeNull();
  });
});

describe('the use of a token', () => {
  it('tells no attempt that counts neither for nor against it: there is no rate of such', async () => {
    const id = await donated(ada, 'unjudged');
    const attempts = async () => {
      const { body } = await panel.call('GET', '/user/api/tokens', { as: ada });
      return body.items.find((item: { id: string }) => item.id === id).attempts;
    };
    const failed = (counts: boolean) => ({
      type: tokenFailed.type,
      subject: `token/${id}`,
      data: { ...tokenFailed.example, failure: 'invalid_credential', counts },
    });
    await panel.traffic([failed(false)]);
    expect(await attempts()).toBe(0);
    await panel.traffic([failed(true)]);
    expect(await attempts()).toBe(1);
  });

  it('is told by day and consumer, without saying who they are', async () => {
    const id = await donated(ada, 'used');
    const use = (userId: string, day = new Date(panel.clock.now()).toISOString().slice(0, 10)) => ({
      type: tokenUsed.type,
      subject: `token/${id}`,
      data: { ...tokenUsed.example, userId, tokenId: id, period: { day, month: day.slice(0, 7) } },
    });
    await panel.traffic([use(bob.id), use(bob.id), use(ada.id), use('operator'), use(bob.id, '2020-01-01')]);
    const { body } = await panel.call('GET', `/user/api/tokens/${id}/usage`, { as: ada });
    expect(body.total.requests).toBe(4);
    expect(body.days).toHaveLength(1);
    expect(body.days[0]).toMatchObject({ requests: 4, successes: 4, inputTokens: 4 * tokenUsed.example.usage.inputTokens });
    expect(body.consumers.map((one: { kind: string; requests: number }) => [one.kind, one.requests])).toEqual([
      ['member', 2],
      ['operator', 1],
      ['self', 1],
    ]);
    expect(JSON.stringify(body)).not.toMatch(new RegExp(`@|bob|${bob.id}`));
    expect((await panel.call('GET', `/user/api/tokens/${id}/usage`, { as: bob })).status).toBe(404);
    for (const days of ['0', '63', 'x', '']) {
      expect((await panel.call('GET', `/user/api/tokens/${id}/usage?days=${days}`, { as: ada })).body.error.param).toBe('days');
    }
  });
});

describe('taking a token back', () => {
  it('answers with the event and with what the vault says afterwards', async () => {
    const id = await donated(ada, 'back');
    const before = await panel.db.query(sql`select 1 from vault_credentials where token_id = ${id}`);
    const { status, body } = await panel.call('DELETE', `/user/api/tokens/${id}`, { as: ada });
    expect([status, body.id, body.secretsErased]).toEqual([200, id, true]);
    expect([before.length, (await panel.db.query(sql`select 1 from vault_credentials where token_id = ${id}`)).length]).toEqual([1, 0]);
    const [event] = await panel.db.query<{ type: string; subject: string }>(
      sql`select type, subject from archive where id = ${body.eventId}`,
    );
    expect(event).toEqual({ type: 'kirogate.token.removed', subject: `token/${id}` });
    expect((await panel.call('DELETE', `/user/api/tokens/${id}`, { as: ada })).status).toBe(404);
  });
});
