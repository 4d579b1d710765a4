/** One member in full, as the admin sees them: quotas live, last sign-in, keys and tokens. */
import { z } from 'zod';
import { identitiesOf } from '../../../commands/user/identities.js';
import { AppError } from '../../../errors.js';
import { lastSignIn } from '../../../projections/history.js';
import { userStats } from '../../../projections/use.js';
import { defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';
import { iso, time } from '../fields.js';
import { keyItem, toKeyItem } from '../keys.js';
import { pageOfRanked } from '../ranking.js';
import { listKeys } from '../reads/keys.js';
import { type TokenItem, tokenItem, tokenItems } from '../tokens.js';
import { profile, profileOf, quotas, quotasOf } from '../user/profile.js';

/** Of each kind; the lists beside show the rest. */
const most = 50;

const detail = profile.extend({
  /** null: the site's default. */
  quotaDaily: z.int().nullable(),
  quotaMonthly: z.int().nullable(),
  /** Providers this member signs in by. */
  identities: z.array(z.enum(['github', 'oidc'])),
  lastSignIn: z.strictObject({ at: time, method: z.enum(['password', 'github', 'oidc']) }).nullable(),
  stats: z.strictObject({
    totalRequests: z.int(),
    requestsToday: z.int(),
    requestsThisMonth: z.int(),
    successRate: z.number(),
    donatedTokens: z.int(),
  }),
  quota: quotas,
  /** The newest 50. */
  keys: z.array(keyItem),
  tokens: z.array(tokenItem),
});

async function newestTokens(userId: string, context: PanelContext): Promise<TokenItem[]> {
  const own = [...context.directory.tokens()].filter((token) => token.ownerId === userId);
  const ranked = own.map((row) => ({ row, id: row.id, key: row.createdAt }));
  return tokenItems(pageOfRanked(ranked, { limit: most, descending: true, kind: 'number' }).rows, context);
}

async function detailOf(userId: string, context: PanelContext): Promise<z.input<typeof detail>> {
  const { db, directory, clock } = context;
  const user = directory.user(userId);
  if (!user) throw new AppError('not_found');
  const now = clock.now();
  const [identities, signIn, stats, quota, keys, tokens] = await Promise.all([
    identitiesOf(db, userId),
    lastSignIn(db, userId),
    userStats(db, userId, now),
    quotasOf(userId, context),
    listKeys(db, { userId, now, limit: most }),
    newestTokens(userId, context),
  ]);
  const { quotaDaily, quotaMonthly } = user;
  const last = signIn === undefined ? null : { at: iso(signIn.at), method: signIn.method };
  const shownKeys = keys.items.map(toKeyItem);
  return { ...profileOf(userId, context), quotaDaily, quotaMonthly, identities, lastSignIn: last, stats, quota, keys: shownKeys, tokens };
}

export const userDetailRoutes = [
  defineRoute({
    method: 'get',
    path: '/admin/api/users/:id',
    access: 'admin',
    summary: 'One member: quotas as used now, last sign-in, newest keys and tokens.',
    status: 200,
    response: detail,
    handle: async ({ params }, context) => ({ body: await detailOf(params.id, context) }),
  }),
];
