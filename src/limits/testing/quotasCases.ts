/** Quotas and key rates: what is charged, when it is refused, when it comes back. */
import { describe, expect, it } from 'vitest';
import { type Context, DAY_END, MONTH_END, START } from './context.js';
import { poolToken } from './fixtures.js';

const endings = [
  ['success', 'keep'],
  ['upstream_failure', 'return'],
  ['neutral', 'return'],
] as const;

export function quotasCases(on: Context): void {
  describe('quotas', () => {
    const quota = { daily: 3, monthly: 100 };

    it('lets exactly N of many parallel requests through', async () => {
      await on.start();
      const answers = await Promise.all(
        Array.from({ length: 300 }, (_, i) => on.codeOf(`${i}`, { quota: { daily: 50, monthly: 100 }, keyRpm: 1_000 })),
      );
      expect(answers.filter((answer) => answer === 'a')).toHaveLength(50);
      expect(answers.filter((answer) => answer === 'quota_exceeded')).toHaveLength(250);
    });

    it('gives back in a crowd exactly what was not served: 50 of a quota of 50 are charged in the end', async () => {
      await on.start(
        {},
        ['a', 'b', 'c', 'd', 'e'].map((id) => poolToken(id)),
      );
      const limit = { daily: 50, monthly: 100 };
      let kept = 0;
      for (let round = 0; kept < 50; round += 1) {
        const ids = Array.from({ length: 40 }, (_, i) => `${round}-${i}`);
        const answers = await Promise.all(ids.map((id) => on.codeOf(id, { quota: limit })));
        const admitted = ids.filter((_, i) => answers[i] !== 'quota_exceeded');
        expect(admitted).toHaveLength(Math.min(40, 50 - kept));
        await Promise.all(
          admitted.map(async (id, i) => {
            const [outcome, quotaEnd] = endings[i % 3] ?? endings[0];
            await on.end(id, outcome);
            await on.finish(id, quotaEnd);
            if (quotaEnd === 'keep') kept += 1;
          }),
        );
        expect(await on.limits.userUse('user')).toMatchObject({ dayUsed: kept, monthUsed: kept });
      }
      expect(kept).toBe(50);
      expect(await on.codeOf('one more', { quota: limit })).toBe('quota_exceeded');
    });

    it('says which quota is used up, when it resets and how long that is', async () => {
      await on.start();
      for (const id of ['1', '2', '3']) await on.serve(id, { quota });
      expect(await on.admit('4', { quota })).toEqual({
        ok: false,
        code: 'quota_exceeded',
        quota: 'daily',
        limit: 3,
        used: 3,
        resetAt: DAY_END,
        retryAfterMs: DAY_END - START,
      });
      expect(await on.admit('5', { quota: { daily: 9, monthly: 2 } })).toMatchObject({
        quota: 'monthly',
        limit: 2,
        used: 3,
        resetAt: MONTH_END,
      });
    });

    it('names the month where both are used up, since the next day brings nothing', async () => {
      await on.start();
      expect(await on.admit('1', { quota: { daily: 0, monthly: 0 } })).toMatchObject({ code: 'quota_exceeded', quota: 'monthly' });
    });

    it('gives a returned reservation back, once', async () => {
      await on.start();
      for (const id of ['1', '2', '3']) await on.admit(id, { quota });
      await on.end('1', 'token_failure');
      await on.finish('1', 'return');
      await on.finish('1', 'return');
      expect(await on.limits.userUse('user')).toMatchObject({ dayUsed: 2, monthUsed: 2 });
      expect(await on.codeOf('4', { quota })).toBe('a');
      expect(await on.codeOf('5', { quota })).toBe('quota_exceeded');
    });

    it('charges a request once, whatever its attempts', async () => {
      await on.start({}, [poolToken('a'), poolToken('b')]);
      await on.admit('1', { quota, keyRpm: 10 });
      await on.end('1', 'token_failure');
      await on.admit('1b', { quota, keyRpm: 10, requestId: 'request-1', attempt: 2, exclude: ['a'] });
      await on.end('1b', 'success');
      await on.finish('1', 'keep');
      expect(await on.limits.userUse('user')).toMatchObject({ dayUsed: 1 });
      expect(await on.limits.keyUse('key')).toBe(1);
    });

    it('admits the second attempt of a request that took the last of a quota and of a rate', async () => {
      await on.start({}, [poolToken('a'), poolToken('b')]);
      await on.admit('1', { quota: { daily: 1, monthly: 1 }, keyRpm: 1 });
      await on.end('1', 'token_failure');
      expect(
        await on.codeOf('1b', { quota: { daily: 1, monthly: 1 }, keyRpm: 1, requestId: 'request-1', attempt: 2, exclude: ['a'] }),
      ).toBe('b');
    });

    it('begins anew with the UTC day, and leaves a charge in the period it was admitted in', async () => {
      await on.start();
      on.clock.advance(DAY_END - START - 1);
      for (const id of ['1', '2', '3']) await on.admit(id, { quota });
      expect(await on.codeOf('4', { quota })).toBe('quota_exceeded');
      on.clock.advance(1);
      expect(await on.codeOf('5', { quota })).toBe('a');
      await on.finish('1', 'return');
      expect(await on.limits.userUse('user')).toEqual({ day: '2026-11-24', dayUsed: 1, month: '2026-11', monthUsed: 3 });
    });

    it('is not widened by a clock that steps over midnight and back', async () => {
      await on.start();
      for (const id of ['1', '2', '3']) await on.serve(id, { quota });
      on.clock.step(86_400_000);
      expect(await on.codeOf('4', { quota })).toBe('a');
      on.clock.step(-86_400_000);
      expect(await on.codeOf('5', { quota })).toBe('quota_exceeded');
    });

    it('does not meter who has none', async () => {
      await on.start();
      for (let i = 0; i < 20; i += 1) expect(await on.serve(`${i}`)).toBe('a');
      expect(await on.limits.userUse('user')).toMatchObject({ dayUsed: 0 });
    });

    it('takes up what the read models say, as often as they say it', async () => {
      await on.start();
      const usage = { userId: 'user', day: '2026-11-23', dayUsed: 2, month: '2026-11', monthUsed: 7 };
      for (let i = 0; i < 3; i += 1) await on.limits.restore({ tokens: [], users: [usage] });
      expect(await on.serve('1', { quota })).toBe('a');
      expect(await on.limits.userUse('user')).toMatchObject({ dayUsed: 3, monthUsed: 8 });
      expect(await on.codeOf('2', { quota })).toBe('quota_exceeded');
    });

    it('warns once a period when 80 % are charged, and never for what is only reserved', async () => {
      await on.start();
      const wide = { daily: 5, monthly: 100 };
      for (const id of ['1', '2', '3', '4', '5']) await on.admit(id, { quota: wide });
      const warned = [];
      for (const id of ['1', '2', '3']) warned.push(...(await on.finish(id, 'keep')).warned);
      expect(warned).toEqual([]);
      expect(await on.finish('4', 'keep')).toEqual({
        warned: [{ quota: 'daily', limit: 5, used: 4, resetAt: DAY_END }],
      });
      expect(await on.finish('5', 'keep')).toEqual({ warned: [] });
      on.clock.advance(DAY_END - START);
      const next = [];
      for (const id of ['6', '7', '8', '9']) {
        await on.admit(id, { quota: wide });
        next.push(...(await on.finish(id, 'keep')).warned);
      }
      expect(next).toMatchObject([{ quota: 'daily', used: 4 }]);
    });

    it('warns of what an earlier run had charged, since its own warning may never have reached the log', async () => {
      await on.start();
      const wide = { daily: 5, monthly: 100 };
      const usage = { userId: 'user', day: '2026-11-23', dayUsed: 4, month: '2026-11', monthUsed: 4 };
      await on.limits.restore({ tokens: [], users: [usage] });
      await on.admit('1', { quota: wide });
      expect(await on.finish('1', 'keep')).toEqual({ warned: [{ quota: 'daily', limit: 5, used: 5, resetAt: DAY_END }] });
      await on.admit('2', { quota: { daily: 6, monthly: 100 } });
      expect(await on.finish('2', 'keep')).toEqual({ warned: [] });
      await on.limits.restore({ tokens: [], users: [usage] });
      await on.admit('3', { quota: { daily: 7, monthly: 100 } });
      expect(await on.finish('3', 'keep')).toMatchObject({ warned: [{ quota: 'daily', used: 7 }] });
    });

    it('forgets no period that a clock stepping over midnight and back returns to', async () => {
      await on.start();
      const day = 86_400_000;
      // Tomorrow is made first, then yesterday and today; with the day after tomorrow yesterday is the one to go.
      for (const [id, stepMs] of [
        ['1', day],
        ['2', -2 * day],
        ['3', day],
      ] as const) {
        on.clock.step(stepMs);
        expect(await on.serve(id, { quota: { daily: 1, monthly: 9 } })).toBe('a');
      }
      on.clock.step(2 * day);
      expect(await on.serve('4', { quota: { daily: 1, monthly: 9 } })).toBe('a');
      on.clock.step(-day);
      expect(await on.codeOf('5', { quota: { daily: 1, monthly: 9 } })).toBe('quota_exceeded');
    });

    it('forgets no month that a clock stepping over its end and back returns to', async () => {
      await on.start();
      for (const id of ['1', '2', '3']) await on.serve(id, { quota });
      on.clock.step(MONTH_END - START + 1);
      for (let i = 0; i < 20; i += 1) expect(await on.serve(`other${i}`, { userId: 'other' })).toBe('a');
      on.clock.step(START - MONTH_END - 1);
      expect(await on.codeOf('4', { quota: { daily: 9, monthly: 3 } })).toBe('quota_exceeded');
    });
  });

  describe('key rate', () => {
    it('holds in any 60 s and says when the next request may go', async () => {
      await on.start();
      await on.serve('1', { keyRpm: 2 });
      on.clock.advance(30_000);
      await on.serve('2', { keyRpm: 2 });
      on.clock.advance(20_000);
      expect(await on.admit('3', { keyRpm: 2 })).toEqual({ ok: false, code: 'key_rate_limited', limit: 2, retryAfterMs: 10_000 });
      on.clock.advance(9_999);
      expect(await on.codeOf('4', { keyRpm: 2 })).toBe('key_rate_limited');
      on.clock.advance(1);
      expect(await on.codeOf('5', { keyRpm: 2 })).toBe('a');
      expect(await on.codeOf('6', { keyRpm: 2 })).toBe('key_rate_limited');
      expect(await on.limits.keyUse('key')).toBe(2);
    });

    it("is each key's own, and stays used when the quota is given back", async () => {
      await on.start();
      await on.admit('1', { keyRpm: 1, quota: { daily: 5, monthly: 5 } });
      await on.end('1', 'token_failure');
      await on.finish('1', 'return');
      expect(await on.codeOf('2', { keyRpm: 1 })).toBe('key_rate_limited');
      expect(await on.codeOf('3', { keyRpm: 1, keyId: 'other' })).toBe('a');
    });

    it('goes on after a restart with the use before it, counted once however often it is told', async () => {
      await on.start();
      const keys = [{ keyId: 'key', times: [START - 10_000, START - 50_000, START - 61_000] }];
      await on.serve('now', { keyRpm: 9 });
      for (let i = 0; i < 2; i += 1) await on.limits.restore({ tokens: [], users: [], keys });
      expect(await on.limits.keyUse('key')).toBe(3);
      expect(await on.admit('1', { keyRpm: 3 })).toMatchObject({ code: 'key_rate_limited', retryAfterMs: 10_000 });
      on.clock.advance(10_000);
      expect(await on.codeOf('2', { keyRpm: 3 })).toBe('a');
      expect(await on.admit('3', { keyRpm: 3 })).toMatchObject({ code: 'key_rate_limited', retryAfterMs: 40_000 });
    });

    it('takes no time of the use before from a clock that runs ahead', async () => {
      await on.start();
      await on.limits.restore({ tokens: [], users: [], keys: [{ keyId: 'key', times: [START + 3_600_000] }] });
      expect(await on.admit('1', { keyRpm: 1 })).toMatchObject({ code: 'key_rate_limited', retryAfterMs: 60_000 });
    });
  });
}
