/** What random histories are made of: operations, settings, shapes of tokens. */
import fc from 'fast-check';
import { DAY_MS } from '../period.js';
import type { AdmitRequest, AttemptOutcome, LimitSettings, PoolToken } from '../port.js';
import { admitRequest, poolToken } from './fixtures.js';

export const outcomes: readonly AttemptOutcome[] = [
  'success',
  'success',
  'success',
  'token_failure',
  'upstream_failure',
  'upstream_failure',
  'neutral',
  'risk',
  'capacity',
];
const providers = ['kiro', 'other'] as const;
export const users = ['u0', 'u1'] as const;
const models = ['opus', 'sonnet'] as const;

export const tokenIds = ['t0', 't1', 't2', 't3', 't4', 't5'] as const;
/** How far the wall clock may be from where it should be: limits that have seen three days must know each of them. */
export const MOST_STEPPED_MS = DAY_MS;

export type Op =
  | {
      readonly op: 'admit';
      readonly user: number;
      readonly key: number;
      readonly talk: number;
      readonly targets: number;
      readonly metered: boolean;
      readonly ownOnly: boolean;
      readonly again: number;
    }
  | { readonly op: 'responded'; readonly which: number; readonly served: boolean }
  | {
      readonly op: 'settle';
      readonly which: number;
      readonly outcome: number;
      readonly sent: boolean;
      readonly lacks: boolean;
      readonly hint: number | null;
    }
  | { readonly op: 'finish'; readonly which: number; readonly keep: boolean }
  | { readonly op: 'repeat'; readonly which: number }
  | { readonly op: 'advance'; readonly ms: number }
  | { readonly op: 'put'; readonly which: number; readonly facts: number }
  | { readonly op: 'remove' | 'reset'; readonly which: number }
  | { readonly op: 'configure'; readonly which: number }
  | { readonly op: 'step'; readonly ms: number }
  | { readonly op: 'kill'; readonly which: number; readonly keep: boolean }
  | { readonly op: 'look' };

const small = fc.nat({ max: 9 });
const admitOp = fc.record({
  op: fc.constant('admit' as const),
  user: fc.nat({ max: 1 }),
  key: fc.nat({ max: 2 }),
  talk: fc.nat({ max: 3 }),
  targets: fc.nat({ max: 3 }),
  metered: fc.boolean(),
  ownOnly: fc.nat({ max: 9 }).map((n) => n === 0),
  again: fc.nat({ max: 5 }),
});
const settleOp = fc.record({
  op: fc.constant('settle' as const),
  which: small,
  outcome: fc.nat({ max: outcomes.length - 1 }),
  sent: fc.nat({ max: 7 }).map((n) => n > 0),
  lacks: fc.nat({ max: 15 }).map((n) => n === 0),
  hint: fc.constantFrom(null, null, 3_000, 3_600_000),
});
export const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 12, arbitrary: admitOp },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('responded' as const), which: small, served: fc.boolean() }) },
  { weight: 10, arbitrary: settleOp },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('finish' as const), which: small, keep: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('repeat' as const), which: small }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('advance' as const),
      ms: fc.oneof(
        fc.nat({ max: 2_000 }),
        fc.nat({ max: 70_000 }),
        fc.nat({ max: 400_000 }),
        fc.constantFrom(1_800_000, 3_601_000, 43_200_000, 518_400_000),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('put' as const), which: small, facts: fc.nat({ max: 7 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('remove' as const, 'reset' as const), which: small }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('configure' as const), which: fc.nat({ max: 2 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('step' as const), ms: fc.constantFrom(-DAY_MS, -3_600_000, -1_000, 7_000, 3_600_000, DAY_MS) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('kill' as const), which: small, keep: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ op: 'look' as const }) },
);

export const settingsChoices: readonly LimitSettings[] = [
  { tokenRpmLimit: 3, tokenRphLimit: 8, tokenMaxConcurrent: 2, tokenMaxConsecutiveUses: 2, tokenMinSuccessRate: 0.7 },
  { tokenRpmLimit: 2, tokenRphLimit: 20, tokenMaxConcurrent: 1, tokenMaxConsecutiveUses: 5, tokenMinSuccessRate: 0.7 },
  { tokenRpmLimit: 5, tokenRphLimit: 30, tokenMaxConcurrent: 3, tokenMaxConsecutiveUses: 3, tokenMinSuccessRate: 0.9 },
];

/** The attempt that the operation asks for. `before`: the attempt of the same request that came before it. */
export function requestOf(
  next: Extract<Op, { op: 'admit' }>,
  number: number,
  before?: { readonly request: AdmitRequest; readonly tokenId: string },
): AdmitRequest {
  const target = (i: number, j: number) => ({ provider: providers[i] as string, model: models[j] as string });
  const targets =
    [[target(0, 0)], [target(0, 1)], [target(1, 0)], [target(0, 0), { provider: 'other', model: 'opus-other' }]][next.targets] ?? [];
  const first = {
    userId: users[next.user] as string,
    keyId: `k${next.key}`,
    quota: next.metered ? { daily: 8, monthly: 11 } : null,
    keyRpm: next.key === 0 ? null : 4,
    targets,
  };
  const again = before && {
    ...before.request,
    attemptId: `attempt-${number}`,
    attempt: before.request.attempt + 1,
    exclude: [before.tokenId],
  };
  const affinity = next.talk === 0 ? null : `talk-${next.talk}`;
  return admitRequest(`${number}`, { ...(again ?? first), affinity, ownOnly: next.ownOnly });
}

/** Shapes that a token may take in the course of a history. */
export function factsOf(index: number, shape: number, position: number, wall: number): PoolToken {
  const shapes: Partial<PoolToken>[] = [
    {},
    { ownerId: 'u0', visibility: 'private' },
    { ownerId: 'u1', visibility: 'public' },
    { models: ['opus'] },
    { models: ['opus', 'sonnet'], ownerId: 'u1', visibility: 'private' },
    { status: 'suspended' },
    { parkedUntil: wall + 50_000 },
    { dailyCap: 3, ownerId: 'u0' },
  ];
  return poolToken(`t${index}`, { provider: providers[index % 4 === 3 ? 1 : 0], position, ...shapes[shape] });
}
