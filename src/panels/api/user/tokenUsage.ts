/** Who used a donated token, and how much: by day and by consumer, without telling who they are. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../../errors.js';
import { type TokenUseRow, tokenUseOf } from '../../../projections/tokenUse.js';
import { defineRoute } from '../define.js';

const figures = { requests: z.int(), successes: z.int(), inputTokens: z.int(), outputTokens: z.int() };
type Figures = { -readonly [K in keyof typeof figures]: number };

const consumer = z.strictObject({
  /** Stable for this token and one member; says nothing of who it is. */
  label: z.string(),
  kind: z.enum(['self', 'member', 'operator', 'others']),
  /** UTC day of the last use. */
  lastDay: z.string(),
  ...figures,
});
type Consumer = z.input<typeof consumer>;

const dayCount = z
  .string()
  .regex(/^([1-9]|[1-5]\d|6[0-2])$/, 'must be a whole number from 1 to 62')
  .transform(Number)
  .default(30)
  .meta({ type: 'integer', minimum: 1, maximum: 62, default: 30 });

/** Consumers named one by one; the rest is summed up. */
const mostConsumers = 100;

const none = (): Figures => ({ requests: 0, successes: 0, inputTokens: 0, outputTokens: 0 });

function add(sum: Figures, { requests, successes, inputTokens, outputTokens }: Figures): void {
  sum.requests += requests;
  sum.successes += successes;
  sum.inputTokens += inputTokens;
  sum.outputTokens += outputTokens;
}

function sumsBy<K>(rows: readonly TokenUseRow[], keyOf: (row: TokenUseRow) => K): Map<K, Figures> {
  const sums = new Map<K, Figures>();
  for (const row of rows) {
    const sum = sums.get(keyOf(row)) ?? none();
    add(sum, row);
    sums.set(keyOf(row), sum);
  }
  return sums;
}

/** The token is part of the label, so that two donors cannot tell that they served the same member. */
function whoIs(userId: string, tokenId: string, ownId: string): Pick<Consumer, 'kind' | 'label'> {
  if (userId === ownId) return { kind: 'self', label: 'you' };
  if (userId === 'operator') return { kind: 'operator', label: 'operator' };
  return { kind: 'member', label: `member ${createHash('sha256').update(`${tokenId}/${userId}`).digest('hex').slice(0, 8)}` };
}

function consumersOf(rows: readonly TokenUseRow[], tokenId: string, ownId: string): Consumer[] {
  const lastDays = new Map<string, string>();
  // Newest days come first.
  for (const { userId, day } of rows) if (!lastDays.has(userId)) lastDays.set(userId, day);
  const all = [...sumsBy(rows, ({ userId }) => userId)]
    .map(([userId, sum]) => ({ ...whoIs(userId, tokenId, ownId), lastDay: lastDays.get(userId) ?? '', ...sum }))
    .sort((a, b) => b.requests - a.requests || (a.label < b.label ? -1 : 1));
  const rest = all.slice(mostConsumers);
  if (rest.length === 0) return all;
  const others = none();
  for (const one of rest) add(others, one);
  const lastDay =
    rest
      .map((one) => one.lastDay)
      .sort()
      .at(-1) ?? '';
  return [...all.slice(0, mostConsumers), { kind: 'others', label: 'others', lastDay, ...others }];
}

export const tokenUsageRoutes = [
  defineRoute({
    method: 'get',
    path: '/user/api/tokens/:id/usage',
    access: 'member',
    summary: 'Who used your token and how much, by UTC day and by consumer; a request counts for the token of its last attempt.',
    status: 200,
    query: z.strictObject({ days: dayCount }),
    response: z.strictObject({
      total: z.strictObject(figures),
      days: z.array(z.strictObject({ day: z.string(), ...figures })),
      consumers: z.array(consumer),
    }),
    async handle({ params, query, caller }, { db, directory, clock }) {
      if (directory.token(params.id)?.ownerId !== caller.userId) throw new AppError('not_found');
      const rows = await tokenUseOf(db, params.id, { now: clock.now(), days: query.days });
      const total = none();
      for (const row of rows) add(total, row);
      const days = [...sumsBy(rows, ({ day }) => day)].map(([day, sum]) => ({ day, ...sum }));
      return { body: { total, days, consumers: consumersOf(rows, params.id, caller.userId) } };
    },
  }),
];
