/** Token health, risk history and what the limits get back after a start, over real databases. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NewEvent } from '../events/define.js';
import type { EventData } from '../events/index.js';
import type { Database } from '../infra/database/port.js';
import { readRestore } from './restore.js';
import { applyEvents } from './runner/apply.js';
import { eventOf, MONDAY, placed, used, uuid } from './testing/events.js';
import { emptyStore, openStore, PARTITIONS } from './testing/store.js';
import { DAY, HOUR, MINUTE, SECOND } from './time.js';
import { riskHistory, tokenHealthOf } from './tokenHealthQueries.js';

let db: Database;
beforeAll(async () => {
  db = await openStore();
});
afterAll(() => db.close());
beforeEach(() => emptyStore(db));

const happen = (...events: NewEvent[]): Promise<unknown> => db.tx((tx) => applyEvents(tx, placed(events, PARTITIONS)));
const failed = (time: number, data: Partial<EventData<'kirogate.token.failed'>> = {}, tokenId = 't1'): NewEvent =>
  eventOf('kirogate.token.failed', {
    subject: `token/${tokenId}`,
    key: tokenId,
    time,
    data: { attemptId: uuid(), startedAt: time - 900, respondedAt: time - 500, ...data },
  });
const control = (type: 'donated' | 'checked' | 'resumed' | 'removed', time: number, data = {}): NewEvent =>
  eventOf(`kirogate.token.${type}`, { subject: 'token/t1', time, data });
const health = async (): Promise<unknown> => (await tokenHealthOf(db, ['t1'])).get('t1');

describe('token health', () => {
  test("counts successes and the failures that are the token's fault", async () => {
    await happen(
      used({ time: MONDAY }),
      failed(MONDAY + 1, { consecutiveFails: 1 }),
      failed(MONDAY + 2, { counts: false, consecutiveFails: 1 }),
      used({ time: MONDAY - 1 }),
    );
    expect(await health()).toMatchObject({
      attempts: 4,
      successes: 2,
      failures: 1,
      successRate: 2 / 3,
      consecutiveFails: 1,
      lastResult: 'failure',
      lastFailure: 'transient',
      lastUsedAt: MONDAY - 498,
    });
  });

  test('lets an aborted or abandoned attempt say nothing of the token', async () => {
    const attempt = {
      attemptId: uuid(),
      tokenId: 't1',
      provider: 'kiro',
      startedAt: MONDAY,
      respondedAt: MONDAY,
      durationUs: 1,
      outcome: 'aborted' as const,
      failure: 'aborted',
      status: null,
    };
    await happen(
      failed(MONDAY, { consecutiveFails: 3 }),
      eventOf('kirogate.request.cancelled', {
        subject: 'request/r',
        key: 'u1',
        time: MONDAY + 1,
        data: { tokenId: 't1', attempts: [attempt] },
      }),
      eventOf('kirogate.request.abandoned', { subject: 'request/r', key: 'u1', time: MONDAY + 2, data: { tokenId: 't1' } }),
    );
    expect(await health()).toMatchObject({ attempts: 3, successes: 0, failures: 1, consecutiveFails: 3 });
  });

  test('forgives failures and cooling when the token is resumed', async () => {
    const cooled = eventOf('kirogate.token.cooled-down', {
      subject: 'token/t1',
      key: 't1',
      time: MONDAY + 1,
      data: { until: MONDAY + HOUR },
    });
    await happen(control('donated', MONDAY - 1), failed(MONDAY, { consecutiveFails: 4 }), cooled);
    expect(await health()).toMatchObject({ consecutiveFails: 4, cooldownUntil: MONDAY + HOUR });
    await happen(control('donated', MONDAY - 1), control('resumed', MONDAY + 2, { cause: 'admin' }));
    expect(await health()).toMatchObject({ consecutiveFails: 0, cooldownUntil: null });
  });

  test('shows the last check; one that learned nothing of credits keeps what was known', async () => {
    await happen(
      control('donated', MONDAY),
      control('checked', MONDAY + 1),
      control('checked', MONDAY + 2, { ok: false, failure: 'network', plan: null, creditsUsed: null, creditsLimit: null, resetAt: null }),
    );
    expect(await health()).toMatchObject({
      check: { at: MONDAY + 2, ok: false, failure: 'network' },
      plan: 'KIRO PRO',
      creditsUsed: 120.5,
      creditsLimit: 1000,
    });
  });

  test("keeps no row for good of a caller's own token", async () => {
    await happen(used({ tokenId: 'ext-1' }));
    expect([...(await tokenHealthOf(db, 'all')).keys()]).toEqual([]);
  });
});

describe('risk history', () => {
  const query = { hours: 24, tokenIds: ['t1', 't2'], now: MONDAY + DAY, rpmLimit: 10, rphLimit: 200, createdAt: () => undefined };

  test('follows the formula: rates against their caps, failure rate, failures in a row', async () => {
    const at = MONDAY + DAY - 10 * MINUTE;
    const events = [...Array.from({ length: 4 }, () => used({ time: at })), failed(at + 1, { consecutiveFails: 1 })];
    await happen(...events);
    const [series] = await riskHistory(db, query);
    expect(series?.tokenId).toBe('t1');
    expect(series?.points.at(-1)?.riskScore).toBeCloseTo(0.3 * (5 / 10) + 0.3 * (5 / 200) + 0.2 * (1 / 5) + 0.2 * (1 / 5), 10);
    expect(series?.points[0]?.riskScore).toBe(0);
  });

  test('has no point before the token was there', async () => {
    await happen(used({ time: MONDAY + DAY - 5 * MINUTE }));
    const createdAt = MONDAY + DAY - 40 * MINUTE;
    const [series] = await riskHistory(db, { ...query, createdAt: () => createdAt });
    expect(series?.points).toHaveLength(3);
    for (const { at } of series?.points ?? []) expect(at).toBeGreaterThan(createdAt);
    expect((await riskHistory(db, { ...query, hours: 1, createdAt: () => createdAt }))[0]?.points).toHaveLength(41);
  });

  test('has a point every quarter of an hour and stays within 0 and 1', async () => {
    await happen(...Array.from({ length: 50 }, (_, index) => failed(MONDAY + index * 20 * MINUTE, { consecutiveFails: 9 })));
    const [series] = await riskHistory(db, { ...query, rpmLimit: 1, rphLimit: 1 });
    expect(series?.points).toHaveLength(96);
    for (const { riskScore } of series?.points ?? []) expect(riskScore >= 0 && riskScore <= 1).toBe(true);
    expect((await riskHistory(db, { ...query, hours: 1 }))[0]?.points).toHaveLength(60);
  });

  test('shows the tokens that are asked for and were used', async () => {
    const time = MONDAY + DAY - HOUR;
    await happen(used({ time }), used({ time, tokenId: 't2' }), used({ time, tokenId: 'ext-1' }));
    expect((await riskHistory(db, { ...query, tokenIds: ['t1', 't2', 't3'] })).map(({ tokenId }) => tokenId)).toEqual(['t1', 't2']);
    expect((await riskHistory(db, { ...query, tokenIds: ['t2'] })).map(({ tokenId }) => tokenId)).toEqual(['t2']);
    expect(await riskHistory(db, { ...query, tokenIds: [] })).toEqual([]);
  });
});

describe('what the limits get back after a start', () => {
  test("is every send of the last hour, also of callers' own tokens, to the millisecond", async () => {
    const now = MONDAY + DAY;
    await happen(
      used({ time: now - 2 * HOUR }),
      used({ time: now - 59 * MINUTE }),
      failed(now - MINUTE),
      failed(now, { respondedAt: null }),
      used({ time: now, tokenId: 'ext-1' }),
    );
    const { tokens } = await readRestore(db, now);
    expect(tokens.map(({ tokenId, sends }) => [tokenId, sends])).toEqual([
      ['ext-1', [now - 500]],
      ['t1', [now - 59 * MINUTE - 500, now - MINUTE - 500]],
    ]);
    expect((await readRestore(db, now + HOUR + 2 * SECOND)).tokens.flatMap(({ sends }) => sends)).toEqual([]);
  });

  test('is at most the last hundred results of a day, failures in a row, cooling and last use', async () => {
    const now = MONDAY + DAY;
    const results = Array.from({ length: 130 }, (_, index) =>
      index < 100
        ? used({ time: now - 4 * HOUR + index * MINUTE })
        : failed(now - 2 * HOUR + index * MINUTE, { consecutiveFails: index - 99 }),
    );
    await happen(used({ time: now - 25 * HOUR }), ...results);
    const [token] = (await readRestore(db, now + HOUR)).tokens;
    expect(token?.results).toHaveLength(100);
    expect(token?.results.filter((success) => !success)).toHaveLength(30);
    expect(token?.results.slice(-30)).toEqual(Array.from({ length: 30 }, () => false));
    expect(token).toMatchObject({ consecutiveFails: 30, cooldownUntil: null, lastUsedAt: now + 9 * MINUTE - 500 });
  });

  test('is how often each token was used on this UTC day, for the cap of its donor', async () => {
    const now = MONDAY + 5 * HOUR;
    const midnight = now - (now % DAY);
    await happen(
      used({ time: midnight - 1 }),
      used({ time: midnight + SECOND }),
      used({ time: now }),
      failed(now - HOUR),
      failed(now - HOUR, { respondedAt: null }),
      failed(now - HOUR, {}, 't2'),
    );
    const { tokens } = await readRestore(db, now);
    expect(tokens.map(({ tokenId, dayUsed }) => [tokenId, dayUsed])).toEqual([
      ['t1', 3],
      ['t2', 1],
    ]);
  });

  test('is when each key was used in the last minute, whatever became of it but a refusal', async () => {
    const now = MONDAY + HOUR;
    const ended = (type: 'failed' | 'abandoned' | 'refused', time: number, startedAt: number) =>
      eventOf(`kirogate.request.${type}`, { key: 'u1', time, data: { keyId: 'k1', startedAt } });
    await happen(
      used({ time: now - 10 * SECOND, startedAt: now - 12 * SECOND }),
      used({ time: now - 10 * SECOND, startedAt: now - 70 * SECOND }),
      used({ time: now - 5 * SECOND, startedAt: now - 6 * SECOND, keyId: 'k2' }),
      ended('failed', now - SECOND, now - 2 * SECOND),
      ended('abandoned', now, now - 59 * SECOND),
      ended('abandoned', now, now - MINUTE),
      ended('refused', now - SECOND, now - SECOND),
    );
    const { keys } = await readRestore(db, now);
    const [first, second] = keys.sort((a, b) => (a.keyId < b.keyId ? -1 : 1));
    expect([...(first?.times ?? [])].sort((a, b) => a - b)).toEqual([now - 59 * SECOND, now - 12 * SECOND, now - 2 * SECOND]);
    expect(second).toEqual({ keyId: 'k2', times: [now - 6 * SECOND] });
    expect(keys).toHaveLength(2);
  });

  test('is what every user was charged this day and month', async () => {
    await happen(
      used(),
      used({ userId: 'u2', period: { day: '2026-11-22', month: '2026-11' } }),
      used({ userId: 'u3', period: { day: '2026-10-01', month: '2026-10' } }),
    );
    expect((await readRestore(db, MONDAY + HOUR)).users).toEqual([
      { userId: 'u1', day: '2026-11-23', dayUsed: 1, month: '2026-11', monthUsed: 1 },
      { userId: 'u2', day: '2026-11-23', dayUsed: 0, month: '2026-11', monthUsed: 1 },
    ]);
  });
});
