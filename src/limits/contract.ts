/** What every adapter of the limits must do; each adapter's test runs this suite on its own. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdmitRequest, AttemptOutcome, LimitSettings, Limits, OpenRecord, PoolToken } from './port.js';
import { admitRequest, poolToken, roomy, START, serve, type TestClock } from './testing/fixtures.js';

export interface LimitsUnderTest {
  readonly limits: Limits;
  readonly clock: TestClock;
}

export interface OpenOptions {
  readonly settings: LimitSettings;
  /** Open records that a dead run left behind. */
  readonly found?: readonly OpenRecord[];
}

const DAY_END = Date.UTC(2026, 10, 24);
const MONTH_END = Date.UTC(2026, 11, 1);

export function limitsContract(open: (options: OpenOptions) => Promise<LimitsUnderTest>): void {
  let limits: Limits;
  let clock: TestClock;
  const start = async (
    settings: Partial<LimitSettings> = {},
    tokens: readonly PoolToken[] = [poolToken('a')],
    found: readonly OpenRecord[] = [],
  ) => {
    await limits.close();
    ({ limits, clock } = await open({ settings: { ...roomy, ...settings }, found }));
    await limits.putTokens(tokens);
  };
  beforeEach(async () => {
    ({ limits, clock } = await open({ settings: roomy }));
  });
  afterEach(() => limits.close());

  const admit = (id: string, over: Partial<AdmitRequest> = {}) => limits.admit(admitRequest(id, over));
  const end = (id: string, outcome: AttemptOutcome, over: { retryAfterMs?: number; sent?: boolean; modelUnsupported?: boolean } = {}) =>
    limits.settle({ attemptId: `attempt-${id}`, outcome, retryAfterMs: null, sent: true, ...over });
  const fail = async (id: string, over: Partial<AdmitRequest> = {}, outcome: AttemptOutcome = 'token_failure') => {
    expect(await admit(id, over)).toMatchObject({ ok: true });
    return end(id, outcome);
  };
  const useOf = async (tokenId: string) => (await limits.tokenUse([tokenId]))[0];
  const codeOf = async (id: string, over: Partial<AdmitRequest> = {}) => {
    const answer = await admit(id, over);
    return answer.ok ? answer.tokenId : answer.code;
  };

  describe('quotas', () => {
    const quota = { daily: 3, monthly: 100 };

    it('lets exactly N of many parallel requests through', async () => {
      await start();
      const answers = await Promise.all(
        Array.from({ length: 300 }, (_, i) => codeOf(`${i}`, { quota: { daily: 50, monthly: 100 }, keyRpm: 1_000 })),
      );
      expect(answers.filter((answer) => answer === 'a')).toHaveLength(50);
      expect(answers.filter((answer) => answer === 'quota_exceeded')).toHaveLength(250);
    });

    it('says which quota is used up, when it resets and how long that is', async () => {
      await start();
      for (const id of ['1', '2', '3']) await serve(limits, id, { quota });
      expect(await admit('4', { quota })).toEqual({
        ok: false,
        code: 'quota_exceeded',
        quota: 'daily',
        limit: 3,
        used: 3,
        resetAt: DAY_END,
        retryAfterMs: DAY_END - START,
      });
      expect(await admit('5', { quota: { daily: 9, monthly: 2 } })).toMatchObject({
        quota: 'monthly',
        limit: 2,
        used: 3,
        resetAt: MONTH_END,
      });
    });

    it('names the month where both are used up, since the next day brings nothing', async () => {
      await start();
      expect(await admit('1', { quota: { daily: 0, monthly: 0 } })).toMatchObject({ code: 'quota_exceeded', quota: 'monthly' });
    });

    it('gives a returned reservation back, once', async () => {
      await start();
      for (const id of ['1', '2', '3']) await admit(id, { quota });
      await end('1', 'token_failure');
      await limits.finish({ requestId: 'request-1', quota: 'return' });
      await limits.finish({ requestId: 'request-1', quota: 'return' });
      expect(await limits.userUse('user')).toMatchObject({ dayUsed: 2, monthUsed: 2 });
      expect(await codeOf('4', { quota })).toBe('a');
      expect(await codeOf('5', { quota })).toBe('quota_exceeded');
    });

    it('charges a request once, whatever its attempts', async () => {
      await start({}, [poolToken('a'), poolToken('b')]);
      await admit('1', { quota, keyRpm: 10 });
      await end('1', 'token_failure');
      await admit('1b', { quota, keyRpm: 10, requestId: 'request-1', attempt: 2, exclude: ['a'] });
      await end('1b', 'success');
      await limits.finish({ requestId: 'request-1', quota: 'keep' });
      expect(await limits.userUse('user')).toMatchObject({ dayUsed: 1 });
      expect(await limits.keyUse('key')).toBe(1);
    });

    it('admits the second attempt of a request that took the last of a quota and of a rate', async () => {
      await start({}, [poolToken('a'), poolToken('b')]);
      await admit('1', { quota: { daily: 1, monthly: 1 }, keyRpm: 1 });
      await end('1', 'token_failure');
      expect(await codeOf('1b', { quota: { daily: 1, monthly: 1 }, keyRpm: 1, requestId: 'request-1', attempt: 2, exclude: ['a'] })).toBe(
        'b',
      );
    });

    it('begins anew with the UTC day, and leaves a charge in the period it was admitted in', async () => {
      await start();
      clock.advance(DAY_END - START - 1);
      for (const id of ['1', '2', '3']) await admit(id, { quota });
      expect(await codeOf('4', { quota })).toBe('quota_exceeded');
      clock.advance(1);
      expect(await codeOf('5', { quota })).toBe('a');
      await limits.finish({ requestId: 'request-1', quota: 'return' });
      expect(await limits.userUse('user')).toEqual({ day: '2026-11-24', dayUsed: 1, month: '2026-11', monthUsed: 3 });
    });

    it('is not widened by a clock that steps over midnight and back', async () => {
      await start();
      for (const id of ['1', '2', '3']) await serve(limits, id, { quota });
      clock.step(86_400_000);
      expect(await codeOf('4', { quota })).toBe('a');
      clock.step(-86_400_000);
      expect(await codeOf('5', { quota })).toBe('quota_exceeded');
    });

    it('does not meter who has none', async () => {
      await start();
      for (let i = 0; i < 20; i += 1) expect(await serve(limits, `${i}`)).toBe('a');
      expect(await limits.userUse('user')).toMatchObject({ dayUsed: 0 });
    });

    it('takes up what the read models say, as often as they say it', async () => {
      await start();
      const usage = { userId: 'user', day: '2026-11-23', dayUsed: 2, month: '2026-11', monthUsed: 7 };
      for (let i = 0; i < 3; i += 1) await limits.restore({ tokens: [], users: [usage] });
      expect(await serve(limits, '1', { quota })).toBe('a');
      expect(await limits.userUse('user')).toMatchObject({ dayUsed: 3, monthUsed: 8 });
      expect(await codeOf('2', { quota })).toBe('quota_exceeded');
    });

    it('warns once a period when 80 % are charged, and never for what is only reserved', async () => {
      await start();
      const wide = { daily: 5, monthly: 100 };
      for (const id of ['1', '2', '3', '4', '5']) await admit(id, { quota: wide });
      const warned = [];
      for (const id of ['1', '2', '3']) warned.push(...(await limits.finish({ requestId: `request-${id}`, quota: 'keep' })).warned);
      expect(warned).toEqual([]);
      expect(await limits.finish({ requestId: 'request-4', quota: 'keep' })).toEqual({
        warned: [{ quota: 'daily', limit: 5, used: 4, resetAt: DAY_END }],
      });
      expect(await limits.finish({ requestId: 'request-5', quota: 'keep' })).toEqual({ warned: [] });
      clock.advance(DAY_END - START);
      const next = [];
      for (const id of ['6', '7', '8', '9']) {
        await admit(id, { quota: wide });
        next.push(...(await limits.finish({ requestId: `request-${id}`, quota: 'keep' })).warned);
      }
      expect(next).toMatchObject([{ quota: 'daily', used: 4 }]);
    });
  });

  describe('key rate', () => {
    it('holds in any 60 s and says when the next request may go', async () => {
      await start();
      await serve(limits, '1', { keyRpm: 2 });
      clock.advance(30_000);
      await serve(limits, '2', { keyRpm: 2 });
      clock.advance(20_000);
      expect(await admit('3', { keyRpm: 2 })).toEqual({ ok: false, code: 'key_rate_limited', limit: 2, retryAfterMs: 10_000 });
      clock.advance(9_999);
      expect(await codeOf('4', { keyRpm: 2 })).toBe('key_rate_limited');
      clock.advance(1);
      expect(await codeOf('5', { keyRpm: 2 })).toBe('a');
      expect(await codeOf('6', { keyRpm: 2 })).toBe('key_rate_limited');
      expect(await limits.keyUse('key')).toBe(2);
    });

    it("is each key's own, and stays used when the quota is given back", async () => {
      await start();
      await admit('1', { keyRpm: 1, quota: { daily: 5, monthly: 5 } });
      await end('1', 'token_failure');
      await limits.finish({ requestId: 'request-1', quota: 'return' });
      expect(await codeOf('2', { keyRpm: 1 })).toBe('key_rate_limited');
      expect(await codeOf('3', { keyRpm: 1, keyId: 'other' })).toBe('a');
    });
  });

  describe('refusals', () => {
    it('names the quota before the rate and the rate before the pool', async () => {
      await start({ tokenMaxConcurrent: 1 });
      await admit('1', { quota: { daily: 1, monthly: 9 }, keyRpm: 1 });
      expect(await codeOf('2', { quota: { daily: 1, monthly: 9 }, keyRpm: 1 })).toBe('quota_exceeded');
      expect(await codeOf('3', { quota: { daily: 9, monthly: 9 }, keyRpm: 1 })).toBe('key_rate_limited');
      expect(await codeOf('4', { quota: { daily: 9, monthly: 9 }, keyRpm: 9 })).toBe('pool_exhausted');
    });

    it('charges nothing, and neither does a peek', async () => {
      await start({ tokenMaxConcurrent: 1 });
      await admit('1');
      const over = { quota: { daily: 5, monthly: 5 }, keyRpm: 5 };
      for (let i = 0; i < 9; i += 1) expect(await codeOf(`r${i}`, over)).toBe('pool_exhausted');
      for (let i = 0; i < 9; i += 1) expect(await limits.peek(admitRequest(`p${i}`, over))).toMatchObject({ code: 'pool_exhausted' });
      await end('1', 'success');
      for (let i = 0; i < 9; i += 1) expect(await limits.peek(admitRequest(`q${i}`, over))).toBeNull();
      expect(await limits.userUse('user')).toMatchObject({ dayUsed: 0 });
      expect(await limits.keyUse('key')).toBe(1);
      expect(await useOf('a')).toMatchObject({ rpm: 1, concurrency: 0 });
    });

    it('says 1 s where only concurrency is in the way', async () => {
      await start({ tokenMaxConcurrent: 1 });
      await admit('1');
      expect(await admit('2')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 1_000 });
    });

    it('says when the first of all limited tokens is free', async () => {
      await start({ tokenRpmLimit: 1 }, [poolToken('a'), poolToken('b')]);
      await serve(limits, '1');
      clock.advance(7_000);
      await serve(limits, '2');
      expect(await admit('3')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 54_000 });
      clock.advance(54_000);
      expect(await serve(limits, '4')).toBe('a');
      expect(await admit('5')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 7_000 });
    });

    it('tells a pool that is limited from one that cannot serve at all', async () => {
      await start({}, [
        poolToken('a', { status: 'suspended' }),
        poolToken('b', { status: 'invalid' }),
        poolToken('c', { parkedUntil: START + 90_000 }),
      ]);
      expect(await admit('1')).toMatchObject({ code: 'no_token_available', retryAfterMs: 90_000 });
      clock.advance(90_000);
      expect(await codeOf('2')).toBe('c');
      await limits.removeToken('c', 2);
      expect(await admit('3')).toMatchObject({ code: 'no_token_available', retryAfterMs: 60_000 });
    });
  });

  describe('token windows', () => {
    it('count a send from its admission until 61 s after its headers', async () => {
      await start({ tokenRpmLimit: 1 });
      await admit('1');
      clock.advance(100_000);
      expect(await codeOf('2')).toBe('pool_exhausted');
      limits.responded('attempt-1');
      clock.advance(60_999);
      await end('1', 'success');
      expect(await admit('3')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 1 });
      clock.advance(1);
      expect(await codeOf('4')).toBe('a');
    });

    it('count a failed send from its failure, and forget one that was never sent', async () => {
      await start({ tokenRpmLimit: 1 });
      await admit('1');
      await end('1', 'neutral', { sent: false });
      expect(await useOf('a')).toMatchObject({ rpm: 0, rph: 0 });
      await admit('2');
      clock.advance(30_000);
      await end('2', 'neutral');
      expect(await admit('3')).toMatchObject({ retryAfterMs: 61_000 });
    });

    it('hold the hour as well', async () => {
      await start({ tokenRphLimit: 2 });
      await serve(limits, '1');
      clock.advance(1_000_000);
      await serve(limits, '2');
      expect(await admit('3')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 2_601_000 });
      expect(await useOf('a')).toMatchObject({ rpm: 1, rph: 2 });
    });

    it('outlive a removal and a restart', async () => {
      await start({ tokenRpmLimit: 2 });
      await limits.restore({
        tokens: [
          { tokenId: 'a', sends: [START - 31_000], results: [true], consecutiveFails: 0, cooldownUntil: null, lastUsedAt: START - 31_000 },
        ],
        users: [],
      });
      await serve(limits, '1');
      await limits.removeToken('a', 2);
      expect(await codeOf('2')).toBe('no_token_available');
      await limits.putTokens([poolToken('a', { position: 3 })]);
      expect(await admit('3')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 30_000 });
    });

    it("keep a donor's own cap until midnight", async () => {
      await start({}, [poolToken('a', { dailyCap: 2 })]);
      await serve(limits, '1');
      await serve(limits, '2');
      expect(await admit('3')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: DAY_END - START });
      clock.advance(DAY_END - START);
      expect(await serve(limits, '4')).toBe('a');
    });

    it('obey settings from the moment they change', async () => {
      await start();
      await admit('1');
      limits.configure({ ...roomy, tokenMaxConcurrent: 1 });
      expect(await codeOf('2')).toBe('pool_exhausted');
      limits.configure(roomy);
      expect(await codeOf('3')).toBe('a');
    });
  });

  describe('failures', () => {
    const restFor = [
      { fails: 1, restMs: null, suspend: false },
      { fails: 2, restMs: 300_000, suspend: false },
      { fails: 3, restMs: 1_800_000, suspend: false },
      { fails: 4, restMs: 1_800_000, suspend: false },
      { fails: 5, restMs: null, suspend: true },
    ];
    it('cool by the table: 2 for 5 min, 3 and 4 for 30 min, 5 suspends', async () => {
      await start();
      for (const { fails, restMs, suspend } of restFor) {
        const settled = await fail(`${fails}`);
        expect(settled).toMatchObject({ consecutiveFails: fails, suspend, counted: true });
        expect(settled.cooled).toEqual(restMs === null ? null : { until: clock.now() + restMs, reason: 'failures' });
        if (restMs === null) continue;
        expect(await admit(`r${fails}`)).toMatchObject({ code: 'pool_exhausted', retryAfterMs: restMs });
        clock.advance(restMs);
      }
    });

    it('let one request probe after cooling, and all again once one is served', async () => {
      await start();
      await fail('1');
      await fail('2');
      clock.advance(300_000);
      expect(await admit('3')).toMatchObject({ ok: true, decision: { reason: 'probe' } });
      expect(await admit('4')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 1_000 });
      await end('3', 'neutral');
      expect(await admit('5')).toMatchObject({ ok: true, decision: { reason: 'probe' } });
      await end('5', 'success');
      expect(await codeOf('6')).toBe('a');
      expect(await codeOf('7')).toBe('a');
      expect(await useOf('a')).toMatchObject({ consecutiveFails: 0, cooldownUntil: null });
    });

    it('do not escalate when their attempt began before the rest did', async () => {
      await start();
      for (const id of ['1', '2', '3', '4', '5']) await admit(id);
      await end('1', 'token_failure');
      await end('2', 'token_failure');
      for (const id of ['3', '4', '5'])
        expect(await end(id, 'token_failure')).toMatchObject({ consecutiveFails: 2, suspend: false, cooled: null });
      expect(await useOf('a')).toMatchObject({ failureRate: 1, cooldownUntil: START + 300_000 });
    });

    it('are forgotten with the first success', async () => {
      await start();
      await fail('1');
      await serve(limits, '2');
      expect(await fail('3')).toMatchObject({ consecutiveFails: 1, cooled: null });
    });

    it.each(['neutral', 'capacity'] as const)("%s is nobody's fault", async (outcome) => {
      await start();
      for (let i = 0; i < 6; i += 1) {
        expect(await fail(`${i}`, {}, outcome)).toMatchObject({ consecutiveFails: 0, cooled: null, suspend: false, counted: false });
        clock.advance(60_000);
      }
    });

    it("of account risk cool for 30 min at least, and for the upstream's hint up to 4 h", async () => {
      await start({}, [poolToken('a'), poolToken('b')]);
      const first = await fail('1', {}, 'risk');
      expect(first.cooled).toEqual({ until: START + 1_800_000, reason: 'risk' });
      await admit('2');
      expect((await end('2', 'risk', { retryAfterMs: 864_000_000 })).cooled).toEqual({ until: START + 14_400_000, reason: 'risk' });
    });

    it("are forgiven by an admin's reset, and by a return from suspension", async () => {
      await start();
      await fail('1');
      await fail('2');
      await limits.resetToken('a');
      expect(await fail('3')).toMatchObject({ consecutiveFails: 1 });
      await limits.putTokens([poolToken('a', { status: 'suspended', position: 2 })]);
      await limits.putTokens([poolToken('a', { position: 3 })]);
      expect(await fail('4')).toMatchObject({ consecutiveFails: 1 });
    });

    it('survive a restart, cooling included', async () => {
      await start();
      const history = {
        tokenId: 'a',
        sends: [],
        results: [false, false],
        consecutiveFails: 2,
        cooldownUntil: START + 9_000,
        lastUsedAt: START - 1_000,
      };
      await limits.restore({ tokens: [history], users: [] });
      expect(await admit('1')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 9_000 });
      clock.advance(9_000);
      expect(await fail('2')).toMatchObject({ consecutiveFails: 3, cooled: { until: clock.now() + 1_800_000 } });
    });
  });

  describe('failures of the upstream', () => {
    it('count against a token once another one is served after them', async () => {
      await start(
        {},
        ['a', 'b', 'c'].map((id) => poolToken(id)),
      );
      for (const round of ['1', '2']) {
        expect(await fail(`${round}a`, { onlyTokenId: 'a' }, 'upstream_failure')).toMatchObject({
          consecutiveFails: Number(round) - 1,
          counted: false,
        });
        await admit(`${round}b`, { onlyTokenId: 'b' });
        const settled = await end(`${round}b`, 'success');
        const cooled = round === '2' ? { until: clock.now() + 300_000, reason: 'failures' } : null;
        expect(settled.others).toEqual([{ tokenId: 'a', consecutiveFails: Number(round), cooled, suspend: false }]);
      }
      expect(await useOf('b')).toMatchObject({ consecutiveFails: 0 });
    });

    it('of many tokens at once open the breaker and touch none', async () => {
      await start(
        {},
        ['a', 'b', 'c', 'd', 'e'].map((id) => poolToken(id)),
      );
      for (let i = 0; i < 20; i += 1) await fail(`${i}`, { onlyTokenId: 'abcde'[i % 5] ?? null }, 'upstream_failure');
      expect(await admit('x')).toMatchObject({ code: 'upstream_overloaded', retryAfterMs: 5_000 });
      clock.advance(5_000);
      expect(await admit('probe')).toMatchObject({ ok: true, decision: { reason: 'probe' } });
      expect(await admit('y')).toMatchObject({ code: 'upstream_overloaded', retryAfterMs: 5_000 });
      expect(await end('probe', 'upstream_failure')).toMatchObject({ consecutiveFails: 0, others: [] });
      clock.advance(5_000);
      await admit('probe2');
      limits.responded('attempt-probe2', true);
      expect(await admit('z')).toMatchObject({ ok: true });
      expect((await end('probe2', 'success')).others).toEqual([]);
      for (const use of await limits.tokenUse(['a', 'b', 'c', 'd', 'e']))
        expect(use).toMatchObject({ consecutiveFails: 0, cooldownUntil: null, failureRate: 0 });
    });

    it('of one token alone never open the breaker of a pool with others', async () => {
      await start(
        {},
        ['a', 'b', 'c'].map((id) => poolToken(id)),
      );
      for (let i = 0; i < 40; i += 1) await fail(`${i}`, { onlyTokenId: 'a' }, 'upstream_failure');
      expect(await admit('x')).toMatchObject({ ok: true });
    });

    it('open the breaker over all tokens where fewer than three exist', async () => {
      await start({}, [poolToken('a')]);
      for (let i = 0; i < 20; i += 1) await fail(`${i}`, {}, 'upstream_failure');
      expect(await codeOf('x')).toBe('upstream_overloaded');
    });

    it('for want of capacity back off together, doubling up to 30 s, with one probe at a time', async () => {
      await start({}, [poolToken('a'), poolToken('b')]);
      for (const id of ['1', '2', '3']) await admit(id);
      for (const id of ['1', '2', '3']) await end(id, 'capacity');
      for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
        expect(await admit(`r${clock.now()}`)).toMatchObject({ code: 'upstream_overloaded', retryAfterMs: waitMs });
        clock.advance(waitMs);
        expect(await admit(`p${clock.now()}`)).toMatchObject({ ok: true });
        expect(await codeOf(`q${clock.now()}`)).toBe('upstream_overloaded');
        await end(`p${clock.now()}`, 'capacity');
      }
      clock.advance(30_000);
      await serve(limits, 'last');
      expect(await admit('free')).toMatchObject({ ok: true });
    });

    it("leave another upstream's tokens in service", async () => {
      await start({}, [poolToken('a'), poolToken('b', { provider: 'other' })]);
      const targets = [
        { provider: 'kiro', model: 'sonnet' },
        { provider: 'other', model: 'claude-sonnet' },
      ];
      await fail('1', { onlyTokenId: 'a' }, 'capacity');
      expect(await admit('2', { targets })).toMatchObject({ ok: true, tokenId: 'b', provider: 'other', model: 'claude-sonnet' });
    });
  });

  describe('choice', () => {
    const own = (id: string, over: Partial<PoolToken> = {}) => poolToken(id, { ownerId: 'user', visibility: 'private', ...over });
    const rule = [
      ['own tokens before public ones', [poolToken('p'), own('o')], {}, {}, 'o'],
      ["an own public token before a stranger's", [poolToken('p'), own('o', { visibility: 'public' })], {}, {}, 'o'],
      ["never a stranger's private one", [own('s', { ownerId: 'stranger' })], {}, {}, 'no_token_available'],
      ['the public pool where own ones are limited', [own('o', { status: 'suspended' }), poolToken('p')], {}, {}, 'p'],
      ['own ones only in self-use mode', [poolToken('p')], { ownOnly: true }, {}, 'no_token_available'],
      ['no token tried before', [poolToken('a'), poolToken('b')], { exclude: ['a'] }, {}, 'b'],
      [
        'only tokens that may serve the model',
        [poolToken('a', { models: ['opus'] }), poolToken('b', { models: ['opus', 'sonnet'] })],
        {},
        {},
        'b',
      ],
      ['only tokens of a provider asked for', [poolToken('a', { provider: 'other' })], {}, {}, 'no_token_available'],
      ['the one token named', [poolToken('a'), poolToken('b')], { onlyTokenId: 'b' }, {}, 'b'],
      ["not a stranger's private one though named", [own('s', { ownerId: 'stranger' })], { onlyTokenId: 's' }, {}, 'no_token_available'],
      ["a caller's own token where named", [poolToken('ext-1', { visibility: 'external' })], { onlyTokenId: 'ext-1' }, {}, 'ext-1'],
      ["a caller's own token nowhere else", [poolToken('ext-1', { visibility: 'external' })], {}, {}, 'no_token_available'],
    ] as const;
    it.each(rule)('takes %s', async (_name, tokens, over, settings, expected) => {
      await start(settings, tokens);
      expect(await codeOf('1', over)).toBe(expected);
    });

    it('rotates after so many uses in a row while another token is usable, before own goes first', async () => {
      await start({ tokenMaxConsecutiveUses: 3 }, [own('o'), poolToken('p')]);
      const order = [];
      for (let i = 0; i < 8; i += 1) order.push(await serve(limits, `${i}`));
      expect(order.join('')).toBe('ooopooop');
      await limits.removeToken('p', 2);
      for (let i = 0; i < 6; i += 1) expect(await serve(limits, `n${i}`)).toBe('o');
    });

    it("puts rotation before affinity, and comes back to the conversation's token", async () => {
      await start({ tokenMaxConsecutiveUses: 3 }, [poolToken('a'), poolToken('b')]);
      const order = [];
      for (let i = 0; i < 8; i += 1) order.push(await serve(limits, `${i}`, { affinity: 'talk' }));
      expect(order.join('')).toBe('aaabaaab');
    });

    it('puts own before affinity: a conversation comes home when the own token is back', async () => {
      await start({}, [own('o', { status: 'suspended' }), poolToken('p')]);
      expect(await serve(limits, '1', { affinity: 'talk' })).toBe('p');
      await limits.putTokens([own('o', { position: 2 })]);
      expect(await serve(limits, '2', { affinity: 'talk' })).toBe('o');
    });

    it('puts affinity before score, and caps and cooling before all', async () => {
      await start({ tokenMaxConcurrent: 2 }, [poolToken('a'), poolToken('b')]);
      for (let i = 0; i < 5; i += 1) expect(await serve(limits, `${i}`, { affinity: 'talk' })).toBe('a');
      await admit('x', { affinity: 'talk' });
      await admit('y', { affinity: 'talk' });
      expect(await serve(limits, 'busy', { affinity: 'talk' })).toBe('b');
      await end('x', 'neutral');
      await end('y', 'neutral');
      expect(await serve(limits, 'back', { affinity: 'talk' })).toBe('a');
      await fail('f1', { affinity: 'talk' });
      await fail('f2', { affinity: 'talk' });
      expect(await serve(limits, 'cooling', { affinity: 'talk' })).toBe('b');
      clock.advance(300_000);
      expect(await serve(limits, 'moved', { affinity: 'talk' })).toBe('b');
    });

    it('keeps the conversations of different keys apart', async () => {
      await start({}, [poolToken('a'), poolToken('b')]);
      expect(await serve(limits, '1', { affinity: 'talk', keyId: 'k1' })).toBe('a');
      expect(await serve(limits, '2', { affinity: 'talk', keyId: 'k2' })).toBe('b');
      expect(await serve(limits, '3', { affinity: 'talk', keyId: 'k1' })).toBe('a');
      expect(await serve(limits, '4', { affinity: 'talk', keyId: 'k2' })).toBe('b');
    });

    it.each([false, true])('spreads 40 new conversations over 5 equal tokens, 8 ± 2 each (in parallel: %s)', async (parallel) => {
      await start(
        { tokenMaxConsecutiveUses: 5 },
        ['a', 'b', 'c', 'd', 'e'].map((id) => poolToken(id)),
      );
      const counts = new Map<string, number>();
      for (let i = 0; i < 40; i += 1) {
        const token = parallel ? await codeOf(`${i}`, { affinity: `talk-${i}` }) : await serve(limits, `${i}`, { affinity: `talk-${i}` });
        counts.set(token, (counts.get(token) ?? 0) + 1);
        clock.advance(10);
      }
      expect(counts.size).toBe(5);
      for (const count of counts.values()) expect(Math.abs(count - 8)).toBeLessThanOrEqual(2);
    });

    it('prefers the token with the better record', async () => {
      await start({}, [poolToken('a'), poolToken('b')]);
      const history = { sends: [], consecutiveFails: 0, cooldownUntil: null, lastUsedAt: null };
      const results = Array.from({ length: 20 }, (_, i) => i % 2 === 0);
      await limits.restore({ tokens: [{ ...history, tokenId: 'a', results }], users: [] });
      for (let i = 0; i < 5; i += 1) expect(await serve(limits, `${i}`)).toBe('b');
    });

    it('remembers for an hour that a token lacks a model', async () => {
      await start({}, [poolToken('a'), poolToken('b')]);
      await admit('1', { onlyTokenId: 'a' });
      await end('1', 'neutral', { modelUnsupported: true });
      for (let i = 0; i < 5; i += 1) expect(await serve(limits, `s${i}`)).toBe('b');
      expect(await codeOf('opus', { targets: [{ provider: 'kiro', model: 'opus' }] })).toBe('a');
      await limits.removeToken('b', 2);
      expect(await codeOf('none')).toBe('no_token_available');
      clock.advance(3_600_000);
      expect(await codeOf('again')).toBe('a');
    });

    it('tells who was considered, with scores, reasons and at most eight names', async () => {
      const many = Array.from({ length: 30 }, (_, i) => poolToken(`t${i}`));
      await start({ tokenMaxConsecutiveUses: 1 }, [...many, poolToken('hidden', { ownerId: 'x', visibility: 'private' })]);
      await serve(limits, '1');
      await limits.restore({ tokens: [], users: [] });
      const answer = await admit('2', { exclude: ['t1', 't2'] });
      expect(answer).toMatchObject({ ok: true, decision: { considered: 30, reason: 'score' } });
      if (!answer.ok) return;
      const { candidates, chosen } = answer.decision;
      expect(candidates.length).toBeLessThanOrEqual(8);
      expect(candidates.slice(0, 3)).toMatchObject([
        { tokenId: 't1', refused: 'tried' },
        { tokenId: 't2', refused: 'tried' },
        { tokenId: 't3', refused: null },
      ]);
      expect(chosen).toBe('t3');
      for (const { score } of candidates) expect(score).toBeGreaterThan(0);
    });

    it('names what held back each token of a full pool', async () => {
      await start({ tokenMaxConcurrent: 1, tokenRpmLimit: 2 }, [
        poolToken('busy'),
        poolToken('rate'),
        poolToken('gone', { status: 'invalid' }),
        poolToken('cold'),
        poolToken('broke', { parkedUntil: START + 1_000 }),
      ]);
      for (const id of ['1', '2']) await serve(limits, id, { onlyTokenId: 'rate' });
      for (const id of ['3', '4']) await fail(id, { onlyTokenId: 'cold' });
      await admit('5', { onlyTokenId: 'busy' });
      const answer = await admit('6');
      expect(answer.ok).toBe(false);
      if (answer.ok || !('decision' in answer)) return;
      const reasons = Object.fromEntries(answer.decision.candidates.map(({ tokenId, refused }) => [tokenId, refused]));
      expect(reasons).toEqual({ busy: 'busy', rate: 'rpm', cold: 'cooling', gone: 'invalid', broke: 'credits' });
    });
  });

  describe('repeated calls', () => {
    it('change nothing and hear the same', async () => {
      await start({ tokenMaxConcurrent: 1 }, [poolToken('a'), poolToken('b')]);
      const over = { quota: { daily: 9, monthly: 9 }, keyRpm: 9 };
      const first = await admit('1', over);
      const refused = await Promise.all([admit('2', over), admit('3', over)]);
      expect(await admit('1', over)).toEqual(first);
      expect(await admit('3', over)).toEqual(refused[1]);
      const settled = await end('1', 'token_failure');
      expect(await end('1', 'token_failure')).toEqual(settled);
      expect(await end('1', 'success')).toEqual(settled);
      expect(await admit('1', over)).toEqual(first);
      for (let i = 0; i < 2; i += 1) expect(await limits.finish({ requestId: 'request-1', quota: 'keep' })).toEqual({ warned: [] });
      expect(await limits.userUse('user')).toMatchObject({ dayUsed: 2 });
      expect(await limits.keyUse('key')).toBe(2);
      expect(await useOf('a')).toMatchObject({ concurrency: 0, rpm: 1, consecutiveFails: 1 });
    });

    it('are known for as long as the attempt runs', async () => {
      await start();
      const first = await admit('1');
      clock.advance(3_600_000);
      expect(await admit('1')).toEqual(first);
      expect(await useOf('a')).toMatchObject({ concurrency: 1 });
    });

    it('cannot begin what was ended before', async () => {
      await start();
      await end('1', 'neutral', { sent: false });
      await expect(admit('1')).rejects.toMatchObject({ code: 'conflict' });
      expect(await useOf('a')).toMatchObject({ concurrency: 0 });
    });
  });

  describe('control positions', () => {
    it('let an older state never replace a newer one, and tell the newest', async () => {
      await start({}, [poolToken('a', { position: 7, status: 'suspended' })]);
      await limits.putTokens([poolToken('a', { position: 5 })]);
      expect(await codeOf('1')).toBe('no_token_available');
      await limits.removeToken('a', 9);
      await limits.putTokens([poolToken('a', { position: 8 })]);
      expect(await codeOf('2')).toBe('no_token_available');
      await limits.putTokens([poolToken('b', { position: 10 })]);
      expect(await admit('3')).toMatchObject({ ok: true, tokenId: 'b', position: 10 });
    });

    it('let a running request of a removed token end as usual', async () => {
      await start();
      await admit('1');
      await limits.removeToken('a', 2);
      expect(await end('1', 'success')).toMatchObject({ suspend: false });
      expect(await useOf('a')).toMatchObject({ concurrency: 0, rpm: 1 });
      expect(await useOf('unknown')).toEqual({
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
      await start({ tokenRpmLimit: 2 }, [poolToken('a')], [record]);
      expect(await limits.abandoned()).toEqual([record]);
      expect(await limits.userUse('user')).toMatchObject({ dayUsed: 1 });
      expect(await useOf('a')).toMatchObject({ rpm: 1, concurrency: 0 });
      await limits.finish({ requestId: 'request-old', quota: 'keep' });
      expect(await limits.abandoned()).toEqual([]);
      await limits.restore({ tokens: [], users: [{ userId: 'user', day: '2026-11-23', dayUsed: 4, month: '2026-11', monthUsed: 4 }] });
      expect(await limits.userUse('user')).toMatchObject({ dayUsed: 4 });
    });
  });
}
