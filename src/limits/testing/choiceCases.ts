/** Which token serves: precedence, rotation, affinity, spread, the decision record. */
import { describe, expect, it } from 'vitest';
import type { PoolToken } from '../port.js';
import { type Context, START } from './context.js';
import { poolToken } from './fixtures.js';

export function choiceCases(on: Context): void {
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
      await on.start(settings, tokens);
      expect(await on.codeOf('1', over)).toBe(expected);
    });

    it('rotates after so many uses in a row while another token is usable, before own goes first (plan 8.4)', async () => {
      await on.start({ tokenMaxConsecutiveUses: 3 }, [own('o'), poolToken('p')]);
      const order = [];
      for (let i = 0; i < 8; i += 1) order.push(await on.serve(`${i}`));
      expect(order.join('')).toBe('ooopooop');
      await on.limits.removeToken('p', 2);
      for (let i = 0; i < 6; i += 1) expect(await on.serve(`n${i}`)).toBe('o');
    });

    it("puts rotation before affinity, and comes back to the conversation's token", async () => {
      await on.start({ tokenMaxConsecutiveUses: 3 }, [poolToken('a'), poolToken('b')]);
      const order = [];
      for (let i = 0; i < 8; i += 1) order.push(await on.serve(`${i}`, { affinity: 'talk' }));
      expect(order.join('')).toBe('aaabaaab');
    });

    it('puts own before affinity: a conversation comes home when the own token is back', async () => {
      await on.start({}, [own('o', { status: 'suspended' }), poolToken('p')]);
      expect(await on.serve('1', { affinity: 'talk' })).toBe('p');
      await on.limits.putTokens([own('o', { position: 2 })]);
      expect(await on.serve('2', { affinity: 'talk' })).toBe('o');
    });

    it('puts affinity before score, and caps and cooling before all', async () => {
      await on.start({ tokenMaxConcurrent: 2 }, [poolToken('a'), poolToken('b')]);
      for (let i = 0; i < 5; i += 1) expect(await on.serve(`${i}`, { affinity: 'talk' })).toBe('a');
      await on.admit('x', { affinity: 'talk' });
      await on.admit('y', { affinity: 'talk' });
      expect(await on.serve('busy', { affinity: 'talk' })).toBe('b');
      await on.end('x', 'neutral');
      await on.end('y', 'neutral');
      expect(await on.serve('back', { affinity: 'talk' })).toBe('a');
      await on.fail('f1', { affinity: 'talk' });
      await on.fail('f2', { affinity: 'talk' });
      expect(await on.serve('cooling', { affinity: 'talk' })).toBe('b');
      on.clock.advance(300_000);
      expect(await on.serve('moved', { affinity: 'talk' })).toBe('b');
    });

    it('keeps the conversations of different keys apart', async () => {
      await on.start({}, [poolToken('a'), poolToken('b')]);
      expect(await on.serve('1', { affinity: 'talk', keyId: 'k1' })).toBe('a');
      expect(await on.serve('2', { affinity: 'talk', keyId: 'k2' })).toBe('b');
      expect(await on.serve('3', { affinity: 'talk', keyId: 'k1' })).toBe('a');
      expect(await on.serve('4', { affinity: 'talk', keyId: 'k2' })).toBe('b');
    });

    it.each([false, true])('spreads 40 new conversations over 5 equal tokens, 8 ± 2 each (in parallel: %s)', async (parallel) => {
      await on.start(
        { tokenMaxConsecutiveUses: 5 },
        ['a', 'b', 'c', 'd', 'e'].map((id) => poolToken(id)),
      );
      const counts = new Map<string, number>();
      for (let i = 0; i < 40; i += 1) {
        const token = parallel ? await on.codeOf(`${i}`, { affinity: `talk-${i}` }) : await on.serve(`${i}`, { affinity: `talk-${i}` });
        counts.set(token, (counts.get(token) ?? 0) + 1);
        on.clock.advance(10);
      }
      expect(counts.size).toBe(5);
      for (const count of counts.values()) expect(Math.abs(count - 8)).toBeLessThanOrEqual(2);
    });

    it('prefers the token with the better record', async () => {
      await on.start({}, [poolToken('a'), poolToken('b')]);
      const history = { sends: [], consecutiveFails: 0, cooldownUntil: null, lastUsedAt: null };
      const results = Array.from({ length: 20 }, (_, i) => i % 2 === 0);
      await on.limits.restore({ tokens: [{ ...history, tokenId: 'a', results }], users: [] });
      for (let i = 0; i < 5; i += 1) expect(await on.serve(`${i}`)).toBe('b');
    });

    it('remembers for an hour that a token lacks a model', async () => {
      await on.start({}, [poolToken('a'), poolToken('b')]);
      await on.admit('1', { onlyTokenId: 'a' });
      await on.end('1', 'neutral', { modelUnsupported: true });
      for (let i = 0; i < 5; i += 1) expect(await on.serve(`s${i}`)).toBe('b');
      expect(await on.codeOf('opus', { targets: [{ provider: 'kiro', model: 'opus' }] })).toBe('a');
      await on.limits.removeToken('b', 2);
      expect(await on.codeOf('none')).toBe('no_token_available');
      on.clock.advance(3_600_000);
      expect(await on.codeOf('again')).toBe('a');
    });

    it('tells who was considered, with scores, reasons and at most eight names', async () => {
      const many = Array.from({ length: 30 }, (_, i) => poolToken(`t${i}`));
      await on.start({ tokenMaxConsecutiveUses: 1 }, [...many, poolToken('hidden', { ownerId: 'x', visibility: 'private' })]);
      await on.serve('1');
      await on.limits.restore({ tokens: [], users: [] });
      const answer = await on.admit('2', { exclude: ['t1', 't2'] });
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
      await on.start({ tokenMaxConcurrent: 1, tokenRpmLimit: 2 }, [
        poolToken('busy'),
        poolToken('rate'),
        poolToken('gone', { status: 'invalid' }),
        poolToken('cold'),
        poolToken('broke', { parkedUntil: START + 1_000 }),
      ]);
      for (const id of ['1', '2']) await on.serve(id, { onlyTokenId: 'rate' });
      for (const id of ['3', '4']) await on.fail(id, { onlyTokenId: 'cold' });
      await on.admit('5', { onlyTokenId: 'busy' });
      const answer = await on.admit('6');
      expect(answer.ok).toBe(false);
      if (answer.ok || !('decision' in answer)) return;
      const reasons = Object.fromEntries(answer.decision.candidates.map(({ tokenId, refused }) => [tokenId, refused]));
      expect(reasons).toEqual({ busy: 'busy', rate: 'rpm', cold: 'cooling', gone: 'invalid', broke: 'credits' });
    });
  });
}
