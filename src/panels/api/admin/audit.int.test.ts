/** The audit log (plan 13.7): every act of an admin stands in it, whole, and is found by type and time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Member, openTestPanel, type TestPanel } from '../testing/panel.js';

interface Item {
  readonly at: string;
  readonly actor: string;
  readonly type: string;
  readonly targetType: string;
  readonly targetId: string;
  readonly details: Record<string, unknown>;
}

let panel: TestPanel;
let member: Member;
let tokenId: string;
beforeAll(async () => {
  panel = await openTestPanel();
  member = await panel.member('ada');
  const refreshToken = 'r'.repeat(40);
  tokenId = (await panel.admin('POST', '/admin/api/tokens', { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' }))
    .body.id;
});
afterAll(() => panel.close());

const audit = async (query = ''): Promise<Item[]> => (await panel.admin('GET', `/admin/api/audit?limit=200${query}`)).body.items;
const quota = (daily: number) => panel.admin('PUT', `/admin/api/users/${member.id}/quota`, { daily });

/** What an admin does, and the entry that tells of it: its type (or types), its target, and what its details hold. */
const acts: readonly [string, () => Promise<Answer>, string, () => string, Record<string, unknown>][] = [
  [
    'changes a setting',
    () => panel.admin('PUT', '/admin/api/config', { token_rpm_limit: 33 }),
    'config.changed',
    () => '',
    {
      token_rpm_limit: { to: 33 },
    },
  ],
  ['gives a quota', () => quota(7), 'user.quota-changed', () => member.id, { daily: { to: 7 } }],
  ['pauses a token', () => panel.admin('POST', `/admin/api/tokens/${tokenId}/pause`), 'token.suspended', () => tokenId, {}],
  ['resumes a token', () => panel.admin('POST', `/admin/api/tokens/${tokenId}/resume`), 'token.resumed', () => tokenId, {}],
  ['issues a key', () => panel.admin('POST', `/admin/api/users/${member.id}/keys`, { name: 'new' }), 'key.issued', () => '', {}],
  [
    'ends sessions',
    () => panel.admin('POST', `/admin/api/users/${member.id}/revoke-sessions`),
    'user.sessions-revoked',
    () => member.id,
    {},
  ],
  [
    'bans a member',
    () => panel.admin('POST', '/admin/api/users/batch-ban', { ids: [member.id], reason: 'spam' }),
    'user.banned user.sessions-revoked',
    () => member.id,
    {
      reason: 'spam',
    },
  ],
  ['lifts a ban', () => panel.admin('POST', '/admin/api/users/batch-unban', { ids: [member.id] }), 'user.unbanned', () => member.id, {}],
  ['bans an address', () => panel.admin('POST', '/admin/api/ip-bans', { ip: '203.0.113.8', reason: 'flood' }), 'ip.banned', () => '', {}],
  [
    'announces something',
    () => panel.admin('POST', '/admin/api/announcements', { content: 'News', active: true, allowGuest: false }),
    'announcement.published',
    () => '',
    {},
  ],
  ['makes an import key', () => panel.admin('POST', '/admin/api/import-keys', { name: 'script' }), 'import-key.issued', () => '', {}],
  ['ends all admin sessions', () => panel.admin('POST', '/admin/api/sessions/revoke'), 'session.admins-ended', () => 'admin', {}],
  ['removes a token', () => panel.admin('DELETE', `/admin/api/tokens/${tokenId}`), 'token.removed', () => tokenId, {}],
];

describe('an admin who', () => {
  it.each(acts)('%s leaves one entry that says so', async (_what, act, type, target, details) => {
    const before = await audit();
    const answer = await act();
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    const added = (await audit()).filter((item) => !before.some((known) => JSON.stringify(known) === JSON.stringify(item)));
    expect(added.map((item) => item.type.replace(/^kirogate\./, '')).sort()).toEqual(type.split(' '));
    for (const one of added) expect(one.actor).toBe('admin-api-key');
    expect(added.find((one) => one.type.endsWith(type.split(' ')[0] ?? ''))).toMatchObject({ details });
    if (target() !== '') expect(new Set(added.map(({ targetId }) => targetId))).toEqual(new Set([target()]));
    expect(JSON.stringify(added)).not.toMatch(/rrrr|sk-\w{20}/);
  });
});

describe('the audit', () => {
  it('is filtered by type and by time, each and together', async () => {
    const [latest] = await audit();
    const after = new Date(Date.parse(latest?.at ?? '') + 1).toISOString();
    panel.clock.offset += 5;
    await quota(1);
    panel.clock.offset += 60_000;
    const between = new Date(panel.clock.now() - 30_000).toISOString();
    await quota(2);
    const daily = (items: readonly Item[]) => items.map(({ details }) => (details['daily'] as { to: number }).to);
    const changes = '&type=user.quota-changed';
    expect(daily(await audit(changes))).toEqual([2, 1, 7]);
    expect(daily(await audit(`${changes}&from=${after}`))).toEqual([2, 1]);
    expect(daily(await audit(`${changes}&from=${after}&to=${between}`))).toEqual([1]);
    expect(daily(await audit(`&from=${between}`))).toEqual([2]);
    expect(await audit(`&type=token.removed&from=${after}`)).toEqual([]);
  });
});
