/** Request statistics over real databases: totals equal what happened, windows hold what they should, counters only rise. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NewEvent, StoredEvent } from '../events/define.js';
import { type Database, type SQLQuery, sql } from '../infra/database/port.js';
import { prometheusTotals, requestMetrics } from './requestQueries.js';
import { applyEvents } from './runner/apply.js';
import { eventOf, MONDAY, placed, used } from './testing/events.js';
import { histories } from './testing/histories.js';
import { emptyStore, openStore, PARTITIONS } from './testing/store.js';
import { DAY, HOUR, MINUTE } from './time.js';

let db: Database;
beforeAll(async () => {
  db = await openStore();
});
afterAll(() => db.close());
beforeEach(() => emptyStore(db));

const apply = (events: readonly StoredEvent[]): Promise<unknown> => db.tx((tx) => applyEvents(tx, events));
const happen = (...events: NewEvent[]): Promise<unknown> => apply(placed(events, PARTITIONS));

const refused = (parts: { userId?: string; status?: number; code?: string; count?: number; model?: string; time?: number }): NewEvent => {
  const { userId = 'u1', time = MONDAY, ...data } = parts;
  return eventOf('kirogate.request.refused', { subject: 'key/k1', key: userId || 'ip/x', time, data: { userId, keyId: 'k1', ...data } });
};

/** Requests that an event stands for in the statistics. */
function calls({ type, data }: NewEvent): number {
  const facts = data as { userId: string; status: number; count?: number };
  if (!/token\.used|request\.(failed|cancelled|abandoned|refused)$/.test(type) || facts.userId === '') return 0;
  if (type === 'kirogate.request.refused' && facts.status === 401) return 0;
  return facts.count ?? 1;
}

describe('request statistics', () => {
  test('the total equals the calls and never falls, whatever happens (plan 6.2)', async () => {
    await fc.assert(
      fc.asyncProperty(histories(40), async (history) => {
        await emptyStore(db);
        const events = placed(history, PARTITIONS);
        let expected = 0;
        let before = 0;
        for (let from = 0; from < events.length; from += 7) {
          const batch = events.slice(from, from + 7);
          await apply(batch);
          expected += batch.reduce((sum, event) => sum + calls(event), 0);
          const { totalRequests, byStatus, byModel, byEndpoint } = await requestMetrics(db, 'all', MONDAY);
          expect(totalRequests).toBe(expected);
          expect(totalRequests).toBeGreaterThanOrEqual(before);
          for (const by of [byStatus, byModel, byEndpoint])
            expect(Object.values(by).reduce((sum, count) => sum + count, 0)).toBe(totalRequests);
          before = totalRequests;
        }
        const { duration, requests } = await prometheusTotals(db);
        expect(duration.count).toBe(expected);
        expect(duration.buckets.at(-1)?.count).toBe(expected);
        expect(requests.reduce((sum, { count }) => sum + count, 0)).toBe(expected);
      }),
      { numRuns: 25 },
    );
  });

  test('count by model, status, endpoint and error, refused ones included', async () => {
    await happen(
      used({ latencyUs: 100_000 }),
      used({ latencyUs: 300_000, endpoint: '/v1/chat/completions', model: 'gpt-x' }),
      refused({ status: 429, code: 'quota_exceeded', count: 2, model: 'gpt-x' }),
    );
    expect(await requestMetrics(db, 'all', MONDAY)).toMatchObject({
      totalRequests: 4,
      successRate: 0.5,
      byModel: { 'claude-sonnet-4-5': 1, 'gpt-x': 3 },
      byStatus: { 200: 2, 429: 2 },
      byEndpoint: { '/v1/chat/completions': 1, '/v1/messages': 3 },
      byErrorType: { quota_exceeded: 2 },
      modelTokens: { 'claude-sonnet-4-5': { input: 1200, output: 240 }, 'gpt-x': { input: 1200, output: 240 } },
    });
  });

  test('leave out who was not let in, and give names that nobody has one label', async () => {
    await happen(
      refused({ userId: '', status: 401, code: 'invalid_api_key' }),
      refused({ status: 404, code: 'model_not_found', model: 'made-up' }),
    );
    const metrics = await requestMetrics(db, 'all', MONDAY);
    expect(metrics.totalRequests).toBe(1);
    expect(metrics.byModel).toEqual({ unknown: 1 });
  });

  test('count a request that was admitted and whose key was revoked before it was sent', async () => {
    const lapsed = { userId: 'u1', keyId: 'k1', status: 401, code: 'invalid_api_key', attempts: [] };
    await happen(eventOf('kirogate.request.failed', { subject: 'request/r1', key: 'u1', time: MONDAY, data: lapsed }));
    expect(await requestMetrics(db, 'all', MONDAY)).toMatchObject({ totalRequests: 1, byStatus: { 401: 1 } });
  });

  test('give the mean exactly and quantiles within 5 %', async () => {
    await happen(...Array.from({ length: 100 }, (_, index) => used({ latencyUs: (index + 1) * 10_000 })));
    const { latencyMs } = await requestMetrics(db, 'all', MONDAY);
    expect(latencyMs.avg).toBe(505);
    for (const [value, exact] of [
      [latencyMs.p50, 500],
      [latencyMs.p95, 950],
      [latencyMs.p99, 990],
    ] as const) {
      expect(Math.abs((value ?? 0) - exact)).toBeLessThanOrEqual(exact * 0.05);
    }
  });

  test('answer for the last minute, hour and day', async () => {
    const now = MONDAY + 10 * DAY + 5_000;
    await happen(
      used({ time: now - 25 * HOUR }),
      used({ time: now - 20 * HOUR }),
      used({ time: now - 30 * MINUTE }),
      used({ time: now - 30_000 }),
      used({ time: now }),
    );
    const totals = [];
    for (const window of ['1m', '1h', '24h', 'all'] as const) totals.push((await requestMetrics(db, window, now)).totalRequests);
    expect(totals).toEqual([2, 3, 4, 5]);
  });

  test('of nothing are empty, not broken', async () => {
    expect(await requestMetrics(db, '1h', MONDAY)).toEqual({
      totalRequests: 0,
      successRate: 1,
      latencyMs: { avg: null, p50: null, p95: null, p99: null },
      byModel: {},
      byStatus: {},
      byEndpoint: {},
      byErrorType: {},
      modelTokens: {},
    });
  });

  test('count upstream attempts by result', async () => {
    const failed = eventOf('kirogate.token.failed', { subject: 'token/t1' });
    await happen(failed, used());
    expect((await prometheusTotals(db)).attempts).toEqual([
      { result: 'failed', count: 1 },
      { result: 'success', count: 1 },
    ]);
  });

  test('forget slots past their retention, but no total', async () => {
    const later = Array.from({ length: 300 }, () => used({ time: MONDAY + 40 * DAY }));
    await happen(used({ time: MONDAY }), ...later);
    const slots = async (table: SQLQuery): Promise<number> => (await db.query(sql`select distinct slot from ${table}`)).length;
    expect([
      await slots(sql`request_10s`),
      await slots(sql`request_minute`),
      await slots(sql`request_hour`),
      await slots(sql`latency_hour`),
    ]).toEqual([1, 1, 1, 1]);
    expect((await requestMetrics(db, 'all', MONDAY)).totalRequests).toBe(301);
  });
});
