/** Activity, audit, quotas, use and notifications as panels ask for them, over real databases. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NewEvent, StoredEvent } from '../events/define.js';
import { type Database, type SQLQuery, sql } from '../infra/database/port.js';
import { type Plan, planOf } from '../infra/database/testing/plan.js';
import { listActivity } from './activity.js';
import { listAudit } from './audit.js';
import { hasNotification, listNotifications, unreadCount } from './notifications.js';
import { containing } from './page.js';
import { quotaDayUse, quotaMonthUse } from './quotaUse.js';
import { applyEvents } from './runner/apply.js';
import { eventOf, MONDAY, placed, used } from './testing/events.js';
import { emptyStore, openStore, PARTITIONS } from './testing/store.js';
import { DAY } from './time.js';
import { keyUse, userStats } from './use.js';

let db: Database;
let archived: StoredEvent[] = [];
beforeAll(async () => {
  db = await openStore();
});
afterAll(() => db.close());
beforeEach(async () => {
  archived = [];
  await emptyStore(db);
});

/** Goes on where the last call ended. */
async function happen(...events: NewEvent[]): Promise<void> {
  const all = placed([...archived, ...events], PARTITIONS);
  await db.tx((tx) => applyEvents(tx, all.slice(archived.length)));
  archived = all;
}

const failed = (data: Record<string, unknown>): NewEvent =>
  eventOf('kirogate.request.failed', { subject: 'request/r', key: 'u1', data: { userId: 'u1', keyId: 'k1', ...data } });

describe('activity', () => {
  test('shows each request with what it came to, newest first', async () => {
    await happen(
      used({ time: MONDAY, latencyUs: 1_500_000 }),
      failed({ code: 'upstream_error', message: 'The upstream failed.', charged: false }),
    );
    const { items } = await listActivity(db, { limit: 10 });
    expect(items).toHaveLength(2);
    expect(items.find(({ outcome }) => outcome === 'completed')).toMatchObject({
      userId: 'u1',
      keyId: 'k1',
      tokenId: 't1',
      status: 200,
      latencyMs: 1_500,
      charged: true,
      code: null,
      count: 1,
    });
    expect(items.find(({ outcome }) => outcome === 'failed')).toMatchObject({ status: 502, code: 'upstream_error', charged: false });
  });

  test('shows counted refusals as one row with the mean latency, unknown callers without a user', async () => {
    await happen(
      eventOf('kirogate.request.refused', { subject: 'ip/abc', data: { userId: '', keyId: '', status: 401, count: 4, latencyUs: 8_000 } }),
    );
    expect((await listActivity(db, { limit: 10 })).items).toMatchObject([
      { outcome: 'refused', userId: null, keyId: null, tokenId: null, count: 4, latencyMs: 2, usage: null },
    ]);
  });

  test('pages through equal times without losing or repeating a row, while new ones arrive', async () => {
    await happen(...Array.from({ length: 25 }, () => used({ time: MONDAY })));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listActivity(db, { limit: 10, cursor });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
      await happen(used({ time: MONDAY + 1 }));
    } while (cursor !== undefined);
    expect(new Set(seen).size).toBe(25);
    expect(seen).toHaveLength(25);
  });

  test('filters by user, model, status and time', async () => {
    await happen(used({ time: MONDAY }), used({ time: MONDAY + 10, userId: 'u2', model: 'gpt-x' }), failed({}));
    const count = async (query: object): Promise<number> => (await listActivity(db, { limit: 10, ...query })).items.length;
    expect(await count({ userId: 'u2' })).toBe(1);
    expect(await count({ model: 'gpt-x' })).toBe(1);
    expect([await count({ status: 200 }), await count({ status: 502 }), await count({ status: 418 })]).toEqual([2, 1, 0]);
    expect([await count({ from: MONDAY + 1 }), await count({ to: MONDAY + 1 })]).toEqual([1, 2]);
  });

  test('refuses a cursor that is none of ours', async () => {
    await expect(listActivity(db, { limit: 10, cursor: 'rubbish' })).rejects.toMatchObject({ code: 'invalid_request', param: 'cursor' });
  });

  test('asks the indices it has', async () => {
    await happen(
      ...Array.from({ length: 400 }, (_, n) => used({ time: MONDAY + n, userId: `u${n % 90}` })),
      failed({ code: 'upstream_error' }),
    );
    const plan = (condition: SQLQuery): Promise<Plan> =>
      planOf(db, sql`select * from activity where ${condition} order by at desc, id desc limit 51`);
    // A rebuild leaves them under names that the engine chose.
    expect((await plan(sql`user_id = ${'u1'}`)).words).toMatch(/activity\w*_user/);
    // Over one such row both indices of what went wrong cost the same.
    expect((await plan(sql`status = ${502} and status <> 200`)).words).toMatch(/activity\w*_status/);
    expect((await plan(sql`(at, id) < (${MONDAY}, ${'x'})`)).sorts).toBe(false);
  });
});

describe('audit', () => {
  test('shows what people changed and leaves out what the system did', async () => {
    await happen(
      eventOf('kirogate.user.quota-changed', {
        subject: 'user/u1',
        actor: 'admin',
        data: { from: { daily: null, monthly: 5 }, to: { daily: 9, monthly: 5 } },
      }),
      eventOf('kirogate.user.banned', { subject: 'user/u1', actor: 'system' }),
      eventOf('kirogate.user.signed-in', { subject: 'user/u1', actor: 'user/u1' }),
      eventOf('kirogate.config.changed', { subject: 'config', actor: 'admin-api-key', time: MONDAY + 1 }),
    );
    expect((await listAudit(db, { limit: 10 })).items).toMatchObject([
      {
        actor: 'admin-api-key',
        type: 'kirogate.config.changed',
        targetType: 'config',
        targetId: '',
        details: { token_rpm_limit: { from: null, to: 20 } },
      },
      {
        actor: 'admin',
        type: 'kirogate.user.quota-changed',
        targetType: 'user',
        targetId: 'u1',
        details: { daily: { from: null, to: 9 } },
      },
    ]);
  });

  test('keeps e-mail addresses out and cuts long texts', async () => {
    await happen(
      eventOf('kirogate.user.registered', { subject: 'user/u1', actor: 'admin' }),
      eventOf('kirogate.announcement.published', { actor: 'admin', data: { content: 'x'.repeat(9_000) } }),
    );
    const text = JSON.stringify((await listAudit(db, { limit: 10 })).items);
    expect(text).not.toContain('@');
    expect(text.length).toBeLessThan(2_000);
  });

  test('filters by type, actor and time', async () => {
    await happen(
      eventOf('kirogate.user.banned', { actor: 'admin' }),
      eventOf('kirogate.key.revoked', { actor: 'user/u1', time: MONDAY + 5 }),
    );
    const count = async (query: object): Promise<number> => (await listAudit(db, { limit: 10, ...query })).items.length;
    expect([await count({ type: 'kirogate.user.banned' }), await count({ actor: 'user/u1' }), await count({ from: MONDAY + 1 })]).toEqual([
      1, 1, 1,
    ]);
  });
});

describe('quota use', () => {
  test('counts what is charged and metered, in the periods it was admitted in', async () => {
    await happen(
      used({ period: { day: '2026-11-22', month: '2026-11' } }),
      used(),
      used(),
      used({ charged: false }),
      used({ metered: false }),
      failed({ charged: true, metered: true }),
      eventOf('kirogate.request.refused', { data: { userId: 'u1' } }),
    );
    expect(await quotaDayUse(db, '2026-11-23')).toEqual([{ userId: 'u1', used: 3 }]);
    expect(await quotaDayUse(db, '2026-11-22')).toEqual([{ userId: 'u1', used: 1 }]);
    expect(await quotaMonthUse(db, '2026-11')).toEqual([{ userId: 'u1', used: 4 }]);
  });
});

describe('use', () => {
  test('tells a member of requests in all, today and this month', async () => {
    await happen(
      eventOf('kirogate.token.donated', { subject: 'token/t1', data: { ownerId: 'u1' } }),
      used({ time: MONDAY - 2 * DAY, period: { day: '2026-11-21', month: '2026-11' } }),
      used({ time: MONDAY - 40 * DAY, period: { day: '2026-10-14', month: '2026-10' } }),
      used(),
      failed({}),
    );
    expect(await userStats(db, 'u1', MONDAY)).toEqual({
      totalRequests: 4,
      requestsToday: 2,
      requestsThisMonth: 3,
      successRate: 0.75,
      donatedTokens: 1,
    });
    expect(await userStats(db, 'nobody', MONDAY)).toEqual({
      totalRequests: 0,
      requestsToday: 0,
      requestsThisMonth: 0,
      successRate: 1,
      donatedTokens: 0,
    });
  });

  test('tells when a key was last used, and how often', async () => {
    await happen(used({ time: MONDAY + 5 }), used({ time: MONDAY }));
    expect(await keyUse(db, ['k1', 'k2'])).toEqual(new Map([['k1', { requests: 2, lastUsedAt: MONDAY + 5 }]]));
  });
});

describe('notifications', () => {
  const donated = eventOf('kirogate.token.donated', { subject: 'token/t1', data: { ownerId: 'u1' } });
  const suspended = (time = MONDAY): NewEvent => eventOf('kirogate.token.suspended', { subject: 'token/t1', time });
  const list = async (userId = 'u1'): Promise<unknown> => (await listNotifications(db, { userId, limit: 10 })).items;

  test('tell the owner of a token, and nobody of a token of the site', async () => {
    await happen(donated, suspended(), eventOf('kirogate.token.invalidated', { subject: 'token/t1', time: MONDAY + 1 }));
    await happen(
      eventOf('kirogate.token.donated', { subject: 'token/site', data: { ownerId: null } }),
      eventOf('kirogate.token.suspended', { subject: 'token/site' }),
    );
    expect(await list()).toMatchObject([
      { type: 'token_invalid', tokenId: 't1', read: false, message: 'Token t1 is no longer valid: invalid_grant' },
      {
        type: 'token_suspended',
        tokenId: 't1',
        read: false,
        message: 'Token t1 was suspended after failures in a row: five failures in a row',
      },
    ]);
    expect((await listNotifications(db, { userId: 'u2', limit: 10 })).items).toEqual([]);
  });

  test('reach the owner also when the token is removed in the same batch', async () => {
    await happen(donated, suspended(), eventOf('kirogate.token.removed', { subject: 'token/t1' }));
    expect(await list()).toHaveLength(1);
  });

  test('warn of a quota', async () => {
    await happen(eventOf('kirogate.quota.warned', { subject: 'user/u1' }));
    expect(await list()).toMatchObject([{ type: 'quota_warning', message: expect.stringContaining('of the daily quota') }]);
  });

  test('are read one by one, or all that came before', async () => {
    await happen(donated, suspended(MONDAY), suspended(MONDAY + 1), suspended(MONDAY + 2));
    const [newest] = (await listNotifications(db, { userId: 'u1', limit: 1 })).items;
    expect(await unreadCount(db, 'u1')).toBe(3);
    await happen(eventOf('kirogate.notification.read', { subject: 'user/u1', data: { ids: [newest?.id ?? ''] } }));
    expect(await unreadCount(db, 'u1')).toBe(2);
    await happen(
      eventOf('kirogate.notification.read', { subject: 'user/u1', time: MONDAY + 3, data: { ids: 'all' } }),
      suspended(MONDAY + 4),
    );
    expect((await listNotifications(db, { userId: 'u1', limit: 10, unreadOnly: true })).items).toMatchObject([{ at: MONDAY + 4 }]);
    expect([await hasNotification(db, 'u1', newest?.id ?? ''), await hasNotification(db, 'u2', newest?.id ?? '')]).toEqual([true, false]);
  });
});

test('a search text is looked for as it is, wildcards included', () => {
  expect(containing('50%_\\')).toBe('%50\\%\\_\\\\%');
});
