/** Members and their keys as the API answers them. */
import type { Tone } from '../../components/StatusBadge';

export interface User {
  readonly id: string;
  readonly username: string;
  readonly email: string | null;
  readonly status: 'active' | 'pending' | 'banned';
  /** null: the site's default. */
  readonly quotaDaily: number | null;
  readonly quotaMonthly: number | null;
  readonly createdAt: string;
  readonly requests: number;
  readonly lastUsedAt: string | null;
}

interface Quota {
  readonly limit: number;
  readonly used: number;
  readonly resetAt: string;
}

/** What the answer for one member adds, and what of the list's row it lacks. */
export interface UserDetail extends Omit<User, 'requests' | 'lastUsedAt'> {
  readonly lastSignIn: { readonly at: string; readonly method: string } | null;
  readonly stats: { readonly totalRequests: number; readonly successRate: number; readonly donatedTokens: number };
  readonly quota: { readonly daily: Quota; readonly monthly: Quota };
}

export interface Key {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly createdAt: string;
  readonly lastUsedAt: string | null;
  readonly requests: number;
  readonly status: 'active' | 'revoked' | 'expired';
  readonly rpmLimit: number | null;
  readonly allowedModels: readonly string[] | null;
  readonly expiresAt: string | null;
}

export const userTones: Readonly<Record<User['status'], Tone>> = { active: 'good', pending: 'warn', banned: 'bad' };
export const keyTones: Readonly<Record<Key['status'], Tone>> = { active: 'good', revoked: 'muted', expired: 'muted' };

export const usersPath = '/admin/api/users';
