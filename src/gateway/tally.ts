/** What this process itself answered since it began: figures that need no store, and so go on while stores are away. */
import { type ErrorCode, errorCatalogue } from '../errors.js';
import { durationBounds } from '../projections/requestQueries.js';

/** Codes with which a generation request may end; their series are there, at 0, before the first of them. */
export const requestErrors = [
  'invalid_request',
  'context_length_exceeded',
  'invalid_api_key',
  'user_banned',
  'user_pending',
  'ip_banned',
  'model_not_allowed',
  'model_not_found',
  'payload_too_large',
  'unsupported_media_type',
  'quota_exceeded',
  'key_rate_limited',
  'pool_exhausted',
  'client_closed',
  'internal',
  'upstream_error',
  'no_token_available',
  'upstream_overloaded',
  'site_disabled',
  'storage_unavailable',
  'node_stopping',
  'upstream_timeout',
] as const satisfies readonly ErrorCode[];

const attemptResults = ['success', 'failed', 'aborted'] as const;

export interface EndedRequest {
  /** null: the client got the whole reply. */
  readonly code: ErrorCode | null;
  readonly latencyMs: number;
  readonly attempts: readonly { readonly outcome: (typeof attemptResults)[number] }[];
}

export interface Tallied {
  /** `code` is `none` for whole replies. */
  readonly requests: readonly { readonly status: number; readonly code: string; readonly count: number }[];
  readonly attempts: readonly { readonly result: string; readonly count: number }[];
  /** Cumulative: requests that took at most `le` seconds. The last is +Inf. */
  readonly duration: {
    readonly buckets: readonly { readonly le: number; readonly count: number }[];
    readonly sumSeconds: number;
    readonly count: number;
  };
}

export interface Tally {
  /** Once for each generation request, refused ones included. */
  count(ended: EndedRequest): void;
  read(): Tallied;
}

/** Holds one number for each code, result and bound, whatever clients send. */
export function createTally(): Tally {
  const requests = new Map<ErrorCode | null, number>([null, ...requestErrors].map((code) => [code, 0]));
  const attempts = new Map<string, number>(attemptResults.map((result) => [result, 0]));
  const within = durationBounds.map(() => 0);
  let sumSeconds = 0;
  return {
    count({ code, latencyMs, attempts: made }) {
      requests.set(code, (requests.get(code) ?? 0) + 1);
      for (const { outcome } of made) attempts.set(outcome, (attempts.get(outcome) ?? 0) + 1);
      const seconds = latencyMs / 1000;
      sumSeconds += seconds;
      const bound = durationBounds.findIndex((le) => seconds <= le);
      within[bound] = (within[bound] ?? 0) + 1;
    },
    read() {
      let count = 0;
      const buckets = durationBounds.map((le, at) => {
        count += within[at] ?? 0;
        return { le, count };
      });
      return {
        requests: [...requests].map(([code, times]) => ({ status: statusOf(code), code: code ?? 'none', count: times })),
        attempts: [...attempts].map(([result, times]) => ({ result, count: times })),
        duration: { buckets, sumSeconds, count },
      };
    },
  };
}

const statusOf = (code: ErrorCode | null): number => (code === null ? 200 : errorCatalogue[code].status);
