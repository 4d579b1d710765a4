/** Spec R12's order of rules as a table: whatever pulls the other way, the rule that comes first decides. */
import { describe, expect, it } from 'vitest';
import type { LimitSettings } from '../port.js';
import type { Context } from './context.js';
import { poolToken } from './fixtures.js';

const limited = ['busy', 'rpm', 'rph', 'cooling'] as const;
const order = ['rotation', 'own', 'affinity', 'score'] as const;
type Limit = (typeof limited)[number];
type Rule = (typeof order)[number];

/** What each limit takes to hold a token back. */
const settingsOf: Readonly<Record<Limit, Partial<LimitSettings>>> = {
  busy: { tokenMaxConcurrent: 1 },
  rpm: { tokenRpmLimit: 4 },
  rph: { tokenRphLimit: 4 },
  cooling: {},
};
const USES = 3;

/** Every pair of rules, the stronger one first. */
const pairs: readonly (readonly [Limit | Rule, Rule])[] = [
  ...limited.flatMap((limit) => order.map((rule) => [limit, rule] as const)),
  ...order.flatMap((first, i) => order.slice(i + 1).map((later) => [first, later] as const)),
];

export function precedenceCases(on: Context): void {
  const holdBack = async (token: string, limit: Limit): Promise<void> => {
    const only = { onlyTokenId: token };
    if (limit === 'busy') await on.admit('held', only);
    else if (limit === 'cooling') for (const id of ['f1', 'f2']) await on.fail(id, only);
    else for (const id of ['1', '2', '3', '4']) await on.serve(`${limit}${id}`, only);
  };
  /** Gives `token` the advantage over `other`, as far as this rule goes. Ownership is given with the tokens. */
  const favour: Record<Rule, (token: string, other: string) => Promise<unknown>> = {
    own: () => Promise.resolve(),
    affinity: (token) => on.serve('bind', { onlyTokenId: token, affinity: 'talk' }),
    async rotation(_token, other) {
      for (let i = 0; i < USES; i += 1) expect(await on.serve(`use${i}`, { onlyTokenId: other })).toBe(other);
    },
    score(_token, other) {
      const poor = { tokenId: other, sends: [], consecutiveFails: 0, cooldownUntil: null, lastUsedAt: null };
      return on.limits.restore({ tokens: [{ ...poor, results: Array.from({ length: 20 }, (_, i) => i % 2 === 0) }], users: [] });
    },
  };
  const isLimit = (rule: Limit | Rule): rule is Limit => (limited as readonly string[]).includes(rule);

  describe('plan 8.4, spec R12: precedence of rules', () => {
    it.each(pairs)('%s goes before %s', async (stronger, weaker) => {
      const owner = { own: { ownerId: 'user', visibility: 'private' } as const, other: {} };
      await on.start({ tokenMaxConsecutiveUses: USES, ...(isLimit(stronger) ? settingsOf[stronger] : {}) }, [
        poolToken('weaker', weaker === 'own' ? owner.own : owner.other),
        poolToken('stronger', stronger === 'own' ? owner.own : owner.other),
      ]);
      for (const rule of ['score', 'affinity'] as const) {
        if (rule === weaker) await favour[rule]('weaker', 'stronger');
        if (rule === stronger) await favour[rule]('stronger', 'weaker');
      }
      if (isLimit(stronger)) await holdBack('weaker', stronger);
      if (weaker === 'rotation') await favour.rotation('weaker', 'stronger');
      if (stronger === 'rotation') await favour.rotation('stronger', 'weaker');
      const request = { affinity: weaker === 'affinity' || stronger === 'affinity' ? 'talk' : null };
      expect(await on.codeOf('final', request)).toBe('stronger');
    });

    it.each(order)('%s alone decides between two that are otherwise equal', async (rule) => {
      await on.start({ tokenMaxConsecutiveUses: USES }, [
        poolToken('first'),
        poolToken('favoured', rule === 'own' ? { ownerId: 'user', visibility: 'private' } : {}),
      ]);
      await favour[rule]('favoured', 'first');
      expect(await on.codeOf('final', { affinity: rule === 'affinity' ? 'talk' : null })).toBe('favoured');
    });
  });
}
