/** Requests as they ended, and the record of how their token was chosen, as the API answers them. */
import type { Tone } from '../../components/StatusBadge';
import type admin from '../../locales/en/admin.json';

export type Outcome = keyof typeof admin.activity.outcomes;

export interface Activity {
  readonly id: string;
  readonly at: string;
  readonly startedAt: string;
  readonly requestId: string;
  readonly outcome: Outcome;
  readonly userId: string | null;
  readonly keyId: string | null;
  readonly tokenId: string | null;
  readonly endpoint: string;
  readonly model: string;
  readonly stream: boolean;
  readonly status: number;
  readonly code: string | null;
  readonly message: string | null;
  /** Requests this row stands for. */
  readonly count: number;
  readonly attempts: number;
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

export interface Decision {
  readonly candidates: readonly { readonly tokenId: string; readonly score: number; readonly refused: string | null }[];
  readonly considered: number;
  readonly chosen: string | null;
  readonly reason: string | null;
}

export interface Attempt {
  readonly attemptId: string;
  readonly tokenId: string;
  readonly startedAt: number;
  readonly respondedAt: number | null;
  readonly durationUs: number;
  readonly outcome: keyof typeof admin.activity.attemptOutcomes;
  readonly failure: string | null;
  readonly status: number | null;
}

/** The part of a terminal event that the list leaves out. */
export interface Record {
  readonly decision?: Decision;
  readonly attempts?: readonly Attempt[];
}

export const outcomeTones: Readonly<{ [K in Outcome]: Tone }> = {
  completed: 'good',
  failed: 'bad',
  cancelled: 'muted',
  abandoned: 'bad',
  refused: 'warn',
};

export const activityPath = '/admin/api/activity';
