/** Pooled tokens as the API answers them. */
import type { Tone } from '../../components/StatusBadge';

export interface Share {
  readonly used: number;
  readonly limit: number;
}

export interface Token {
  readonly id: string;
  readonly name: string | null;
  readonly provider: string;
  readonly authType: string;
  readonly region: string | null;
  /** null: belongs to the site. */
  readonly userId: string | null;
  readonly userName?: string | null;
  readonly visibility: 'public' | 'private';
  readonly status: 'active' | 'cooling' | 'suspended' | 'invalid';
  readonly statusReason: 'failures' | 'upstream' | 'admin' | 'credits' | null;
  readonly statusMessage?: string | null;
  readonly parkedUntil: string | null;
  readonly allowedModels: readonly string[] | null;
  readonly dailyCap: number | null;
  readonly riskScore: number;
  readonly highRisk: boolean;
  readonly rpm: Share;
  readonly rph: Share;
  readonly concurrency: Share;
  readonly consecutiveFails: number;
  readonly cooldownUntil: string | null;
  readonly successRate: number;
  /** What the rate is of. */
  readonly attempts: number;
  readonly lastUsedAt: string | null;
  readonly createdAt: string;
  readonly plan: string | null;
  readonly creditsUsed: number | null;
  readonly creditsLimit: number | null;
  readonly lastCheck: {
    readonly at: string;
    readonly ok: boolean;
    readonly failure: string | null;
    readonly message: string | null;
  } | null;
}

/** What the answer for one token adds. */
export interface TokenDetail extends Token {
  readonly successes?: number;
  readonly failures?: number;
  readonly lastFailure?: string | null;
  readonly riskThreshold?: number;
}

export const tokensPath = '/admin/api/tokens';
export const nameOf = ({ id, name }: Pick<Token, 'id' | 'name'>): string => name ?? id;

export const tokenTones: Readonly<Record<Token['status'], Tone>> = { active: 'good', cooling: 'warn', suspended: 'bad', invalid: 'bad' };
export const statuses = ['active', 'cooling', 'suspended', 'invalid'] as const;
export const sorts = ['newest', 'oldest', 'name', 'risk', 'lastUsed'] as const;
export const providers = ['kiro', 'anthropic', 'openai'] as const;
