/** Failures: the cooling table, half-open probes, whose fault it is, breaker and back-off. */
import { describe, expect, it } from 'vitest';
import { type Context, START } from './context.js';
import { poolToken } from './fixtures.js';

export function failuresCases(on: Context): void {
  describe('failures', () => {
    const restFor = [
      { fails: 1, restMs: null, suspend: false },
      { fails: 2, restMs: 300_000, suspend: false },
      { fails: 3, restMs: 1_800_000, suspend: false },
      { fails: 4, restMs: 1_800_000, suspend: false },
      { fails: 5, restMs: null, suspend: true },
    ];
    it('cool by the table: 2 for 5 min, 3 and 4 for 30 min, 5 suspends (plan 8.4)', async () => {
      await on.start();
      for (const { fails, restMs, suspend } of restFor) {
        const settled = await on.fail(`${fails}`);
        expect(settled).toMatchObject({ consecutiveFails: fails, suspend, counted: true });
        expect(settled.cooled).toEqual(restMs === null ? null : { until: on.clock.now() + restMs, reason: 'failures' });
        if (restMs === null) continue;
        expect(await on.admit(`r${fails}`)).toMatchObject({ code: 'pool_exhausted', retryAfterMs: restMs });
        on.clock.advance(restMs);
      }
    });

    it('let one request probe after cooling, and all again once one is served (plan 8.4)', async () => {
      await on.start();
      await on.fail('1');
      await on.fail('2');
      on.clock.advance(300_000);
      expect(await on.admit('3')).toMatchObject({ ok: true, decision: { reason: 'probe' } });
      expect(await on.admit('4')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 1_000 });
      await on.end('3', 'neutral');
      expect(await on.admit('5')).toMatchObject({ ok: true, decision: { reason: 'probe' } });
      await on.end('5', 'success');
      expect(await on.codeOf('6')).toBe('a');
      expect(await on.codeOf('7')).toBe('a');
      expect(await on.useOf('a')).toMatchObject({ consecutiveFails: 0, cooldownUntil: null });
    });

    it('do not escalate when their attempt began before the rest did', async () => {
      await on.start();
      for (const id of ['1', '2', '3', '4', '5']) await on.admit(id);
      await on.end('1', 'token_failure');
      await on.end('2', 'token_failure');
      for (const id of ['3', '4', '5'])
        expect(await on.end(id, 'token_failure')).toMatchObject({ consecutiveFails: 2, suspend: false, cooled: null });
      expect(await on.useOf('a')).toMatchObject({ failureRate: 1, cooldownUntil: START + 300_000 });
    });

    it('are forgotten with the first success', async () => {
      await on.start();
      await on.fail('1');
      await on.serve('2');
      expect(await on.fail('3')).toMatchObject({ consecutiveFails: 1, cooled: null });
    });

    it.each(['neutral', 'capacity'] as const)("%s is nobody's fault", async (outcome) => {
      await on.start();
      for (let i = 0; i < 6; i += 1) {
        expect(await on.fail(`${i}`, {}, outcome)).toMatchObject({ consecutiveFails: 0, cooled: null, suspend: false, counted: false });
        on.clock.advance(60_000);
      }
    });

    it("of account risk cool for 30 min at least, and for the upstream's hint up to 4 h", async () => {
      await on.start({}, [poolToken('a'), poolToken('b')]);
      const first = await on.fail('1', {}, 'risk');
      expect(first.cooled).toEqual({ until: START + 1_800_000, reason: 'risk' });
      await on.admit('2');
      expect((await on.end('2', 'risk', { retryAfterMs: 864_000_000 })).cooled).toEqual({ until: START + 14_400_000, reason: 'risk' });
    });

    it("are forgiven by an admin's reset, and by a return from suspension", async () => {
      await on.start();
      await on.fail('1');
      await on.fail('2');
      await on.limits.resetToken('a');
      expect(await on.fail('3')).toMatchObject({ consecutiveFails: 1 });
      await on.limits.putTokens([poolToken('a', { status: 'suspended', position: 2 })]);
      await on.limits.putTokens([poolToken('a', { position: 3 })]);
      expect(await on.fail('4')).toMatchObject({ consecutiveFails: 1 });
    });

    it('survive a restart, cooling included', async () => {
      await on.start();
      const history = {
        tokenId: 'a',
        sends: [],
        results: [false, false],
        consecutiveFails: 2,
        cooldownUntil: START + 9_000,
        lastUsedAt: START - 1_000,
      };
      await on.limits.restore({ tokens: [history], users: [] });
      expect(await on.admit('1')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 9_000 });
      on.clock.advance(9_000);
      expect(await on.fail('2')).toMatchObject({ consecutiveFails: 3, cooled: { until: on.clock.now() + 1_800_000 } });
    });
  });

  describe('failures of the upstream', () => {
    it('count against a token once another one is served after them', async () => {
      await on.start(
        {},
        ['a', 'b', 'c'].map((id) => poolToken(id)),
      );
      for (const round of ['1', '2']) {
        expect(await on.fail(`${round}a`, { onlyTokenId: 'a' }, 'upstream_failure')).toMatchObject({
          consecutiveFails: Number(round) - 1,
          counted: false,
        });
        await on.admit(`${round}b`, { onlyTokenId: 'b' });
        const settled = await on.end(`${round}b`, 'success');
        const cooled = round === '2' ? { until: on.clock.now() + 300_000, reason: 'failures' } : null;
        expect(settled.others).toEqual([{ tokenId: 'a', consecutiveFails: Number(round), cooled, suspend: false }]);
      }
      expect(await on.useOf('b')).toMatchObject({ consecutiveFails: 0 });
    });

    it('of many tokens at once open the breaker and touch none', async () => {
      await on.start(
        {},
        ['a', 'b', 'c', 'd', 'e'].map((id) => poolToken(id)),
      );
      for (let i = 0; i < 20; i += 1) await on.fail(`${i}`, { onlyTokenId: 'abcde'[i % 5] ?? null }, 'upstream_failure');
      expect(await on.admit('x')).toMatchObject({ code: 'upstream_overloaded', retryAfterMs: 5_000 });
      on.clock.advance(5_000);
      expect(await on.admit('probe')).toMatchObject({ ok: true, decision: { reason: 'probe' } });
      expect(await on.admit('y')).toMatchObject({ code: 'upstream_overloaded', retryAfterMs: 5_000 });
      expect(await on.end('probe', 'upstream_failure')).toMatchObject({ consecutiveFails: 0, others: [] });
      on.clock.advance(5_000);
      await on.admit('probe2');
      on.limits.responded('attempt-probe2', true);
      expect(await on.admit('z')).toMatchObject({ ok: true });
      expect((await on.end('probe2', 'success')).others).toEqual([]);
      for (const use of await on.limits.tokenUse(['a', 'b', 'c', 'd', 'e']))
        expect(use).toMatchObject({ consecutiveFails: 0, cooldownUntil: null, failureRate: 0 });
    });

    it('are not judged by a reply that had begun before them', async () => {
      await on.start(
        {},
        ['a', 'b', 'c', 'd', 'e'].map((id) => poolToken(id)),
      );
      for (const id of ['long1', 'long2']) {
        await on.admit(id, { onlyTokenId: 'e' });
        on.limits.responded(`attempt-${id}`, true);
      }
      on.clock.advance(1_000);
      for (let i = 0; i < 19; i += 1) await on.fail(`${i}`, { onlyTokenId: 'abcd'[i % 4] ?? null }, 'upstream_failure');
      expect((await on.end('long1', 'success')).others).toEqual([]);
      await on.fail('last', { onlyTokenId: 'a' }, 'upstream_failure');
      expect(await on.codeOf('x')).toBe('upstream_overloaded');
      expect((await on.end('long2', 'success')).others).toEqual([]);
      expect(await on.codeOf('y')).toBe('upstream_overloaded');
    });

    it('of one token alone never open the breaker of a pool with others', async () => {
      await on.start(
        {},
        ['a', 'b', 'c'].map((id) => poolToken(id)),
      );
      for (let i = 0; i < 40; i += 1) await on.fail(`${i}`, { onlyTokenId: 'a' }, 'upstream_failure');
      expect(await on.admit('x')).toMatchObject({ ok: true });
    });

    it('open the breaker over all tokens where fewer than three exist', async () => {
      await on.start({}, [poolToken('a')]);
      for (let i = 0; i < 20; i += 1) await on.fail(`${i}`, {}, 'upstream_failure');
      expect(await on.codeOf('x')).toBe('upstream_overloaded');
    });

    it('for want of capacity back off together, doubling up to 30 s, with one probe at a time', async () => {
      await on.start({}, [poolToken('a'), poolToken('b')]);
      for (const id of ['1', '2', '3']) await on.admit(id);
      for (const id of ['1', '2', '3']) await on.end(id, 'capacity');
      for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
        expect(await on.admit(`r${on.clock.now()}`)).toMatchObject({ code: 'upstream_overloaded', retryAfterMs: waitMs });
        on.clock.advance(waitMs);
        expect(await on.admit(`p${on.clock.now()}`)).toMatchObject({ ok: true });
        expect(await on.codeOf(`q${on.clock.now()}`)).toBe('upstream_overloaded');
        await on.end(`p${on.clock.now()}`, 'capacity');
      }
      on.clock.advance(30_000);
      await on.serve('last');
      expect(await on.admit('free')).toMatchObject({ ok: true });
    });

    it.each(['neutral', 'token_failure', 'upstream_failure', 'risk'] as const)(
      'for want of capacity are not over with a probe that ends as %s, headers or not',
      async (outcome) => {
        await on.start(
          {},
          ['a', 'b', 'c'].map((id) => poolToken(id)),
        );
        await on.fail('1', {}, 'capacity');
        for (const [i, hasHeaders] of [true, false].entries()) {
          on.clock.advance(1_000);
          expect(await on.admit(`probe${i}`)).toMatchObject({ ok: true, decision: { reason: 'probe' } });
          if (hasHeaders) on.limits.responded(`attempt-probe${i}`);
          await on.end(`probe${i}`, outcome);
          expect(await on.admit(`r${i}`)).toMatchObject({ code: 'upstream_overloaded', retryAfterMs: 1_000 });
        }
        on.clock.advance(1_000);
        await on.admit('served');
        on.limits.responded('attempt-served', true);
        for (const id of ['x', 'y', 'z']) expect(await on.admit(id)).toMatchObject({ ok: true });
      },
    );

    it('keep the breaker open after a probe that the upstream only refused', async () => {
      await on.start({}, [poolToken('a')]);
      for (let i = 0; i < 20; i += 1) await on.fail(`${i}`, {}, 'upstream_failure');
      on.clock.advance(5_000);
      await on.admit('probe');
      on.limits.responded('attempt-probe');
      await on.end('probe', 'neutral');
      expect(await on.admit('x')).toMatchObject({ code: 'upstream_overloaded', retryAfterMs: 5_000 });
      on.clock.advance(5_000);
      expect(await on.serve('probe2')).toBe('a');
      for (const id of ['y', 'z']) expect(await on.codeOf(id)).toBe('a');
    });

    it('open the breaker only when a third token shares them', async () => {
      await on.start(
        {},
        ['a', 'b', 'c', 'd'].map((id) => poolToken(id)),
      );
      for (let i = 0; i < 30; i += 1) await on.fail(`${i}`, { onlyTokenId: i % 2 === 0 ? 'a' : 'b' }, 'upstream_failure');
      expect(await on.codeOf('x')).not.toBe('upstream_overloaded');
      await on.fail('third', { onlyTokenId: 'c' }, 'upstream_failure');
      expect(await on.codeOf('y')).toBe('upstream_overloaded');
    });

    it("leave another upstream's tokens in service", async () => {
      await on.start({}, [poolToken('a'), poolToken('b', { provider: 'other' })]);
      const targets = [
        { provider: 'kiro', model: 'sonnet' },
        { provider: 'other', model: 'claude-sonnet' },
      ];
      await on.fail('1', { onlyTokenId: 'a' }, 'capacity');
      expect(await on.admit('2', { targets })).toMatchObject({ ok: true, tokenId: 'b', provider: 'other', model: 'claude-sonnet' });
    });
  });
}
