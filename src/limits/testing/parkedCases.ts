/** Tokens out of credits: parked until a moment, then tried with one request before all others. */
import { describe, expect, it } from 'vitest';
import { type Context, START } from './context.js';
import { poolToken } from './fixtures.js';

export function parkedCases(on: Context): void {
  const parked = (ms: number, position = 1) => poolToken('a', { parkedUntil: START + ms, position });

  describe('a token out of credits', () => {
    it('serves nothing until its moment, then one request, and all again once that one is served', async () => {
      await on.start({}, [parked(60_000)]);
      expect(await on.admit('early')).toMatchObject({ code: 'no_token_available', retryAfterMs: 60_000 });
      on.clock.advance(60_000);
      const answers = await Promise.all(['1', '2', '3', '4', '5', '6'].map((id) => on.admit(id)));
      expect(answers.map((answer) => (answer.ok ? answer.decision.reason : answer.code))).toEqual([
        'probe',
        ...Array.from({ length: 5 }, () => 'pool_exhausted'),
      ]);
      await on.end('1', 'success');
      for (const id of ['7', '8', '9']) expect(await on.codeOf(id)).toBe('a');
    });

    it('is tried with one request also by name', async () => {
      await on.start({}, [parked(60_000)]);
      on.clock.advance(60_000);
      expect(await on.admit('1', { onlyTokenId: 'a' })).toMatchObject({ ok: true, decision: { reason: 'probe' } });
      expect(await on.codeOf('2', { onlyTokenId: 'a' })).toBe('pool_exhausted');
    });

    it('takes the next request as a try where the first one says nothing of it', async () => {
      await on.start({}, [parked(60_000)]);
      on.clock.advance(60_000);
      await on.admit('1');
      await on.end('1', 'neutral');
      expect(await on.admit('2')).toMatchObject({ ok: true, decision: { reason: 'probe' } });
      expect(await on.codeOf('3')).toBe('pool_exhausted');
    });

    it('is tried with one request though calls that began before are served meanwhile', async () => {
      await on.start();
      for (const id of ['1', '2']) await on.admit(id);
      await on.limits.putTokens([parked(60_000, 2)]);
      await on.end('1', 'success');
      on.clock.advance(60_000);
      expect(await on.admit('3')).toMatchObject({ ok: true, decision: { reason: 'probe' } });
      await on.end('2', 'success');
      expect(await on.codeOf('4')).toBe('pool_exhausted');
    });

    it('waits for the moment named last, be it later or earlier', async () => {
      await on.start({}, [parked(60_000)]);
      await on.limits.putTokens([parked(90_000, 2)]);
      on.clock.advance(60_000);
      expect(await on.admit('1')).toMatchObject({ code: 'no_token_available', retryAfterMs: 30_000 });
      await on.limits.putTokens([parked(61_000, 3)]);
      on.clock.advance(1_000);
      expect(await on.codeOf('2')).toBe('a');
      expect(await on.codeOf('3')).toBe('pool_exhausted');
    });

    it('forgets its failures when it is resumed, and is tried with one request', async () => {
      await on.start();
      for (const id of ['1', '2']) await on.fail(id);
      await on.limits.putTokens([parked(900_000, 2)]);
      await on.limits.putTokens([poolToken('a', { position: 3 })]);
      expect(await on.useOf('a')).toMatchObject({ consecutiveFails: 0, cooldownUntil: null });
      expect(await on.admit('3')).toMatchObject({ ok: true, decision: { reason: 'probe' } });
      expect(await on.codeOf('4')).toBe('pool_exhausted');
    });

    it('is not held back again by a state that says nothing new', async () => {
      await on.start({}, [parked(60_000)]);
      on.clock.advance(60_000);
      await on.serve('1');
      await on.limits.putTokens([{ ...parked(60_000, 2), dailyCap: 50 }]);
      for (const id of ['2', '3']) expect(await on.codeOf(id)).toBe('a');
    });
  });
}
