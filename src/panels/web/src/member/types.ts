/** What the member API answers, as far as the pages show it. */

export interface Quota {
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  readonly resetAt: string;
}

export interface Stats {
  readonly totalRequests: number;
  readonly requestsToday: number;
  readonly requestsThisMonth: number;
  readonly successRate: number;
  readonly donatedTokens: number;
}

export interface Notice {
  readonly id: string;
  readonly type: 'token_suspended' | 'token_invalid' | 'quota_warning';
  /** In English; for a notice whose facts are not known. */
  readonly message: string;
  readonly read: boolean;
  readonly at: string;
  /** Absent from nodes of an older release. */
  readonly data?: NoticeFacts | null;
}

export type NoticeFacts =
  | {
      readonly kind: 'quota';
      readonly period: 'daily' | 'monthly';
      readonly used: number;
      readonly limit: number;
      readonly resetAt: string;
    }
  | { readonly kind: 'token'; readonly tokenId: string; readonly tokenName: string | null; readonly reason: string | null };

export interface Announcement {
  readonly id: string;
  readonly content: string;
  readonly createdAt: string;
}

interface Share {
  readonly used: number;
  readonly limit: number;
}

export interface Token {
  readonly id: string;
  readonly name: string | null;
  readonly provider: string;
  readonly authType: string;
  readonly region: string | null;
  readonly visibility: 'public' | 'private';
  readonly status: 'active' | 'cooling' | 'suspended' | 'invalid';
  readonly statusReason: 'failures' | 'upstream' | 'admin' | 'credits' | null;
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

interface UseFigures {
  readonly requests: number;
  readonly successes: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface TokenUsage {
  readonly total: UseFigures;
  /** Newest first. */
  readonly days: readonly (UseFigures & { readonly day: string })[];
  readonly consumers: readonly (UseFigures & {
    readonly label: string;
    readonly kind: 'self' | 'member' | 'operator' | 'others';
    readonly lastDay: string;
  })[];
}

export interface Removal {
  readonly id: string;
  readonly deletedAt: string;
  readonly eventId: string;
  readonly secretsErased: boolean;
}

export interface ApiKey {
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

export interface Activity {
  readonly id: string;
  readonly at: string;
  readonly startedAt: string;
  readonly requestId: string;
  readonly outcome: 'completed' | 'failed' | 'cancelled' | 'abandoned' | 'refused';
  readonly keyId: string | null;
  readonly endpoint: string;
  readonly model: string;
  readonly stream: boolean;
  readonly status: number;
  readonly code: string | null;
  readonly message: string | null;
  readonly count: number;
  readonly latencyMs: number;
  readonly firstOutputMs: number | null;
  readonly usage: {
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly cacheReadTokens: number;
    readonly cacheWriteTokens: number;
    readonly estimated: boolean;
    readonly microCredits: number | null;
  } | null;
  readonly charged: boolean;
}
