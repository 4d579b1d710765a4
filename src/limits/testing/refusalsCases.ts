/** Refusals, repeated calls, control positions and what a dead run left behind. */
import { describe, expect, it } from 'vitest';
import type { OpenRecord } from '../port.js';
import { type Context, START } from './context.js';
import { admitRequest, poolToken } from './fixtures.js';

export function refusalsCases(on: Context): void {
  describe('refusals', () => {
    it('names the quota before the rate and the rate before the pool', async () => {
      await on.start({ tokenMaxConcurrent: 1 });
      await on.admit('1', { quota: { daily: 1, monthly: 9 }, keyRpm: 1 });
      expect(await on.codeOf('2', { quota: { daily: 1, monthly: 9 }, keyRpm: 1 })).toBe('quota_exceeded');
      expect(await on.codeOf('3', { quota: { daily: 9, monthly: 9 }, keyRpm: 1 })).toBe('key_rate_limited');
      expect(await on.codeOf('4', { quota: { daily: 9, monthly: 9 }, keyRpm: 9 })).toBe('pool_exhausted');
    });

    it('charges nothing, and neither does a peek', async () => {
      await on.start({ tokenMaxConcurrent: 1 });
      await on.admit('1');
      const over = { quota: { daily: 5, monthly: 5 }, keyRpm: 5 };
      for (let i = 0; i < 9; i += 1) expect(await on.codeOf(`r${i}`, over)).toBe('pool_exhausted');
      for (let i = 0; i < 9; i += 1) expect(await on.limits.peek(admitRequest(`p${i}`, over))).toMatchObject({ code: 'pool_exhausted' });
      await on.end('1', 'success');
      for (let i = 0; i < 9; i += 1) expect(await on.limits.peek(admitRequest(`q${i}`, over))).toBeNull();
      expect(await on.limits.userUse('user')).toMatchObject({ dayUsed: 0 });
      expect(await on.limits.keyUse('key')).toBe(1);
      expect(await on.useOf('a')).toMatchObject({ rpm: 1, concurrency: 0 });
    });

    it('says 1 s where only concurrency is in the way', async () => {
      await on.start({ tokenMaxConcurrent: 1 });
      await on.admit('1');
      expect(await on.admit('2')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 1_000 });
    });

    it('says when the first of all limited tokens is free (plan 8.4)', async () => {
      await on.start({ tokenRpmLimit: 1 }, [poolToken('a'), poolToken('b')]);
      await on.serve('1');
      on.clock.advance(7_000);
      await on.serve('2');
      expect(await on.admit('3')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 54_000 });
      on.clock.advance(54_000);
      expect(await on.serve('4')).toBe('a');
      expect(await on.admit('5')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 7_000 });
    });

    it('tells a pool that is limited from one that cannot serve at all', async () => {
      await on.start({}, [
        poolToken('a', { status: 'suspended' }),
        poolToken('b', { status: 'invalid' }),
        poolToken('c', { parkedUntil: START + 90_000 }),
      ]);
      expect(await on.admit('1')).toMatchObject({ code: 'no_token_available', retryAfterMs: 90_000 });
      on.clock.advance(90_000);
      expect(await on.codeOf('2')).toBe('c');
      await on.limits.removeToken('c', 2);
      expect(await on.admit('3')).toMatchObject({ code: 'no_token_available', retryAfterMs: 60_000 });
    });
  });

  describe('repeated calls', () => {
    it('change nothing and hear the same', async () => {
      await on.start({ tokenMaxConcurrent: 1 }, [poolToken('a'), poolToken('b')]);
      const over = { quota: { daily: 9, monthly: 9 }, keyRpm: 9 };
      const first = await on.admit('1', over);
      const refused = await Promise.all([on.admit('2', over), on.admit('3', over)]);
      expect(await on.admit('1', over)).toEqual(first);
      expect(await on.admit('3', over)).toEqual(refused[1]);
      const settled = await on.end('1', 'token_failure');
      expect(await on.end('1', 'token_failure')).toEqual(settled);
      expect(await on.end('1', 'success')).toEqual(settled);
      expect(await on.admit('1', over)).toEqual(first);
      for (let i = 0; i < 2; i += 1) expect(await on.finish('1', 'keep')).toEqual({ warned: [] });
      expect(await on.limits.userUse('user')).toMatchObject({ dayUsed: 2 });
      expect(await on.limits.keyUse('key')).toBe(2);
      expect(await on.useOf('a')).toMatchObject({ concurrency: 0, rpm: 1, consecutiveFails: 1 });
    });

    it('are known for as long as the attempt runs', async () => {
      await on.start();
      const first = await on.admit('1');
      on.clock.advance(3_600_000);
      expect(await on.admit('1')).toEqual(first);
      expect(await on.useOf('a')).toMatchObject({ concurrency: 1 });
    });

    it('cannot begin what was ended before', async () => {
      await on.start();
      await on.end('1', 'neutral', { sent: false });
      await expect(on.admit('1')).rejects.toMatchObject({ code: 'conflict' });
      expect(await on.useOf('a')).toMatchObject({ concurrency: 0 });
    });
  });

  describe('control positions', () => {
    it('let an older state never replace a newer one, and tell the newest', async () => {
      await on.start({}, [poolToken('a', { position: 7, status: 'suspended' })]);
      await on.limits.putTokens([poolToken('a', { position: 5 })]);
      expect(await on.codeOf('1')).toBe('no_token_available');
      await on.limits.removeToken('a', 9);
      await on.limits.putTokens([poolToken('a', { position: 8 })]);
      expect(await on.codeOf('2')).toBe('no_token_available');
      await on.limits.putTokens([poolToken('b', { position: 10 })]);
      expect(await on.admit('3')).toMatchObject({ ok: true, tokenId: 'b', position: 10 });
    });

    it('let a running request of a removed token end as usual', async () => {
      await on.start();
      await on.admit('1');
      await on.limits.removeToken('a', 2);
      expect(await on.end('1', 'success')).toMatchObject({ suspend: false });
      expect(await on.useOf('a')).toMatchObject({ concurrency: 0, rpm: 1 });
      expect(await on.useOf('unknown')).toEqual({
        tokenId: 'unknown',
        rpm: 0,
        rph: 0,
        concurrency: 0,
        consecutiveFails: 0,
        cooldownUntil: null,
        failureRate: 0,
      });
    });
  });

  describe('open records of a dead run', () => {
    const { facts } = admitRequest('old');
    const record: OpenRecord = {
      requestId: 'request-old',
      terminalEventId: 'event-old',
      attemptId: 'attempt-old',
      attempt: 1,
      tokenId: 'a',
      userId: 'user',
      keyId: 'key',
      period: { day: '2026-11-23', month: '2026-11' },
      facts,
      metered: true,
    };
    it('are handed over until they are finished, and count meanwhile', async () => {
      await on.start({ tokenRpmLimit: 2 }, [poolToken('a')], [record]);
      expect(await on.limits.abandoned()).toEqual([record]);
      expect(await on.limits.userUse('user')).toMatchObject({ dayUsed: 1 });
      expect(await on.useOf('a')).toMatchObject({ rpm: 1, concurrency: 0 });
      await on.finish('old', 'keep');
      expect(await on.limits.abandoned()).toEqual([]);
      await on.limits.restore({ tokens: [], users: [{ userId: 'user', day: '2026-11-23', dayUsed: 4, month: '2026-11', monthUsed: 4 }] });
      expect(await on.limits.userUse('user')).toMatchObject({ dayUsed: 4 });
    });
  });
}
