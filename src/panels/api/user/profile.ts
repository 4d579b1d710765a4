/** A member's own figures: who they are, what they did, what they may still do. */
import { z } from 'zod';
import { AppError } from '../../../errors.js';
import { periodEnd } from '../../../limits/period.js';
import { userStats } from '../../../projections/use.js';
import { defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';
import { iso, time } from '../fields.js';

export const profile = z.strictObject({
  id: z.string(),
  username: z.string(),
  email: z.string().nullable(),
  status: z.enum(['active', 'pending', 'banned']),
  createdAt: time,
});

export function profileOf(userId: string, { directory }: Pick<PanelContext, 'directory'>): z.input<typeof profile> {
  const user = directory.user(userId);
  if (!user) throw new AppError('not_found');
  return { id: user.id, username: user.username, email: user.email, status: user.status, createdAt: iso(user.createdAt) };
}

const quotaView = z.strictObject({ limit: z.int(), used: z.int(), remaining: z.int(), resetAt: time });

export const quotas = z.strictObject({ daily: quotaView, monthly: quotaView });

function quotaOf(limit: number, used: number, period: string): z.input<typeof quotaView> {
  return { limit, used, remaining: Math.max(0, limit - used), resetAt: iso(periodEnd(period)) };
}

/** Live, from the limits. */
export async function quotasOf(
  userId: string,
  { directory, limits }: Pick<PanelContext, 'directory' | 'limits'>,
): Promise<z.input<typeof quotas>> {
  const user = directory.user(userId);
  const defaults = directory.settings();
  const use = await limits.userUse(userId);
  return {
    daily: quotaOf(user?.quotaDaily ?? defaults.default_user_daily_quota, use.dayUsed, use.day),
    monthly: quotaOf(user?.quotaMonthly ?? defaults.default_user_monthly_quota, use.monthUsed, use.month),
  };
}

export const profileRoutes = [
  defineRoute({
    method: 'get',
    path: '/user/api/profile',
    access: 'member',
    summary: 'Your account.',
    status: 200,
    response: profile,
    handle: async ({ caller }, context) => ({ body: profileOf(caller.userId, context) }),
  }),
  defineRoute({
    method: 'get',
    path: '/user/api/stats',
    access: 'member',
    summary: 'Your requests in all, today and this month (UTC), and the tokens you gave.',
    status: 200,
    response: z.strictObject({
      totalRequests: z.int(),
      requestsToday: z.int(),
      requestsThisMonth: z.int(),
      successRate: z.number().min(0).max(1),
      donatedTokens: z.int(),
    }),
    handle: async ({ caller }, { db, clock }) => ({ body: await userStats(db, caller.userId, clock.now()) }),
  }),
  defineRoute({
    method: 'get',
    path: '/user/api/quota',
    access: 'member',
    summary: 'What you may use per UTC day and month, and what is left, live.',
    status: 200,
    response: quotas,
    handle: async ({ caller }, context) => ({ body: await quotasOf(caller.userId, context) }),
  }),
];
