/** The plan's properties 4, 5 and 7: for any load, no token is used beyond its caps, and every charge is counted. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Context } from './context.js';
import { poolToken } from './fixtures.js';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`);

export function propertiesCases(on: Context, runs: number): void {
  const check = <T>(shape: fc.Arbitrary<T>, holds: (value: T) => Promise<void>): Promise<void> =>
    fc.assert(fc.asyncProperty(shape, holds), { numRuns: runs });

  describe("the plan's properties", () => {
    const load = fc.record({
      tokens: fc.integer({ min: 1, max: 5 }),
      cap: fc.integer({ min: 1, max: 4 }),
      waves: fc.array(fc.record({ arrive: fc.nat({ max: 25 }), leave: fc.nat({ max: 20 }), ms: fc.nat({ max: 5_000 }) }), {
        minLength: 1,
        maxLength: 8,
      }),
    });
    it('property 4: concurrency safety — however many come at once, a token never has more than TOKEN_MAX_CONCURRENT', async () => {
      await check(load, async ({ tokens, cap, waves }) => {
        await on.start(
          { tokenMaxConcurrent: cap },
          names(tokens).map((id) => poolToken(id)),
        );
        const running: { id: string; tokenId: string }[] = [];
        let count = 0;
        for (const { arrive, leave, ms } of waves) {
          const ids = Array.from({ length: arrive }, () => `${count++}`);
          const answers = await Promise.all(ids.map(async (id) => ({ id, answer: await on.admit(id) })));
          const free = tokens * cap - running.length;
          for (const { id, answer } of answers) if (answer.ok) running.push({ id, tokenId: answer.tokenId });
          // No slot is given twice, and none is left unused.
          expect(answers.filter(({ answer }) => answer.ok)).toHaveLength(Math.min(arrive, free));
          for (const use of await on.limits.tokenUse(names(tokens))) {
            expect(use.concurrency).toBeLessThanOrEqual(cap);
            expect(use.concurrency).toBe(running.filter((one) => one.tokenId === use.tokenId).length);
          }
          on.clock.advance(ms);
          await Promise.all(running.splice(0, leave).map(({ id }) => on.end(id, 'success')));
        }
      });
    });

    const traffic = fc.record({
      rpm: fc.integer({ min: 1, max: 5 }),
      rph: fc.integer({ min: 1, max: 12 }),
      calls: fc.array(fc.record({ gapMs: fc.oneof(fc.nat({ max: 3_000 }), fc.nat({ max: 400_000 })), answerMs: fc.nat({ max: 30_000 }) }), {
        minLength: 5,
        maxLength: 40,
      }),
    });
    it('property 5: rate validity — any 60 s hold at most TOKEN_RPM_LIMIT calls of a token, any 3600 s TOKEN_RPH_LIMIT', async () => {
      await check(traffic, async ({ rpm, rph, calls }) => {
        await on.start({ tokenRpmLimit: rpm, tokenRphLimit: rph });
        const seen: number[] = [];
        for (const [i, { gapMs, answerMs }] of calls.entries()) {
          on.clock.advance(gapMs);
          const first = await on.admit(`${i}`);
          if (!first.ok) {
            expect(first.code).toBe('pool_exhausted');
            on.clock.advance(first.retryAfterMs);
            expect(await on.codeOf(`${i}-later`)).toBe('a');
          }
          // The upstream takes the call at the latest moment that there is: right before it answers.
          on.clock.advance(answerMs);
          seen.push(on.clock.monotonic());
          await on.end(first.ok ? `${i}` : `${i}-later`, 'success');
        }
        for (const from of seen) {
          expect(seen.filter((at) => at >= from && at < from + 60_000).length).toBeLessThanOrEqual(rpm);
          expect(seen.filter((at) => at >= from && at < from + 3_600_000).length).toBeLessThanOrEqual(rph);
        }
      });
    });

    const requests = fc.record({
      daily: fc.integer({ min: 0, max: 12 }),
      monthly: fc.integer({ min: 0, max: 20 }),
      waves: fc.array(
        fc.record({ arrive: fc.nat({ max: 15 }), kept: fc.nat({ max: 8 }), given: fc.nat({ max: 8 }), days: fc.constantFrom(0, 0, 0, 1) }),
        { minLength: 1, maxLength: 10 },
      ),
    });
    it('property 7: quota accuracy — what is counted is what was served and what runs, and N allowed are exactly N', async () => {
      await check(requests, async ({ daily, monthly, waves }) => {
        await on.start({}, [poolToken('a'), poolToken('b')]);
        let running: { id: string; day: number }[] = [];
        let kept: number[] = [];
        let count = 0;
        let today = 0;
        const usedToday = () => [...running.map(({ day }) => day), ...kept].filter((day) => day === today).length;
        for (const { arrive, kept: keeps, given, days } of waves) {
          today += days;
          on.clock.advance(days * 86_400_000);
          const room = Math.max(0, Math.min(daily - usedToday(), monthly - running.length - kept.length));
          const ids = Array.from({ length: arrive }, () => `${count++}`);
          const answers = await Promise.all(ids.map((id) => on.codeOf(id, { quota: { daily, monthly } })));
          const admitted = ids.filter((_, i) => answers[i] !== 'quota_exceeded');
          expect(admitted).toHaveLength(Math.min(arrive, room));
          running.push(...admitted.map((id) => ({ id, day: today })));
          const [first, second] = [running.slice(0, keeps), running.slice(keeps, keeps + given)];
          running = running.slice(keeps + given);
          kept = [...kept, ...first.map(({ day }) => day)];
          await Promise.all([
            ...first.map(({ id }) => on.end(id, 'success').then(() => on.finish(id, 'keep'))),
            ...second.map(({ id }) => on.end(id, 'neutral').then(() => on.finish(id, 'return'))),
          ]);
          expect(await on.limits.userUse('user')).toMatchObject({ dayUsed: usedToday(), monthUsed: running.length + kept.length });
        }
      });
    });
  });
}
