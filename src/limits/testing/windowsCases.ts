/** The windows of a token: any minute, any hour, as its upstream sees them. */
import { describe, expect, it } from 'vitest';
import { type Context, DAY_END, START } from './context.js';
import { poolToken, roomy } from './fixtures.js';

export function windowsCases(on: Context): void {
  describe('token windows', () => {
    it('count a send from its admission until 61 s after its headers', async () => {
      await on.start({ tokenRpmLimit: 1 });
      await on.admit('1');
      on.clock.advance(100_000);
      expect(await on.codeOf('2')).toBe('pool_exhausted');
      on.limits.responded('attempt-1');
      on.clock.advance(60_999);
      await on.end('1', 'success');
      expect(await on.admit('3')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 1 });
      on.clock.advance(1);
      expect(await on.codeOf('4')).toBe('a');
    });

    it('count a failed send from its failure, and forget one that was never sent', async () => {
      await on.start({ tokenRpmLimit: 1 });
      await on.admit('1');
      await on.end('1', 'neutral', { sent: false });
      expect(await on.useOf('a')).toMatchObject({ rpm: 0, rph: 0 });
      await on.admit('2');
      on.clock.advance(30_000);
      await on.end('2', 'neutral');
      expect(await on.admit('3')).toMatchObject({ retryAfterMs: 61_000 });
    });

    it('hold the hour as well', async () => {
      await on.start({ tokenRphLimit: 2 });
      await on.serve('1');
      on.clock.advance(1_000_000);
      await on.serve('2');
      expect(await on.admit('3')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 2_601_000 });
      expect(await on.useOf('a')).toMatchObject({ rpm: 1, rph: 2 });
    });

    it('outlive a removal and a restart', async () => {
      await on.start({ tokenRpmLimit: 2 });
      await on.limits.restore({
        tokens: [
          { tokenId: 'a', sends: [START - 31_000], results: [true], consecutiveFails: 0, cooldownUntil: null, lastUsedAt: START - 31_000 },
        ],
        users: [],
      });
      await on.serve('1');
      await on.limits.removeToken('a', 2);
      expect(await on.codeOf('2')).toBe('no_token_available');
      await on.limits.putTokens([poolToken('a', { position: 3 })]);
      expect(await on.admit('3')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 30_000 });
    });

    it("keep a donor's own cap until midnight", async () => {
      await on.start({}, [poolToken('a', { dailyCap: 2 })]);
      await on.serve('1');
      await on.serve('2');
      expect(await on.admit('3')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: DAY_END - START });
      on.clock.advance(DAY_END - START);
      expect(await on.serve('4')).toBe('a');
    });

    it('take up how often a token was used today', async () => {
      await on.start({}, [poolToken('a', { dailyCap: 2 })]);
      const history = { tokenId: 'a', sends: [], results: [], consecutiveFails: 0, cooldownUntil: null, lastUsedAt: null, dayUsed: 1 };
      await on.limits.restore({ tokens: [history], users: [] });
      expect(await on.serve('1')).toBe('a');
      expect(await on.codeOf('2')).toBe('pool_exhausted');
    });

    it('obey settings from the moment they change', async () => {
      await on.start();
      await on.admit('1');
      on.limits.configure({ ...roomy, tokenMaxConcurrent: 1 });
      expect(await on.codeOf('2')).toBe('pool_exhausted');
      on.limits.configure(roomy);
      expect(await on.codeOf('3')).toBe('a');
    });
  });
}
