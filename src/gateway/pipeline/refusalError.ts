/** The limits' refusals as the errors of contract §3. */
import { AppError } from '../../errors.js';
import type { Refusal } from '../../limits/port.js';
import { assertNever } from '../../shared/assertNever.js';

/** Whole seconds, rounded up, at least 1. Parts of a microsecond are the residue of sums of fractions: 5000.000000000002 ms are 5 s. */
export const retrySeconds = (ms: number): number => Math.max(1, Math.ceil(Math.round(ms * 1000) / 1_000_000));

export function refusalError(refusal: Refusal): AppError {
  const retryAfterSeconds = retrySeconds(refusal.retryAfterMs);
  switch (refusal.code) {
    case 'quota_exceeded': {
      const resetAt = new Date(refusal.resetAt).toISOString();
      return new AppError('quota_exceeded', {
        message: `The ${refusal.quota} quota of ${refusal.limit} requests is used up; it resets at ${resetAt}.`,
        retryAfterSeconds,
        extra: { quota: refusal.quota, reset_at: resetAt },
      });
    }
    case 'key_rate_limited':
      return new AppError('key_rate_limited', {
        message: `This key may send ${refusal.limit} requests per minute; try again in ${retryAfterSeconds} s.`,
        retryAfterSeconds,
      });
    case 'pool_exhausted':
    case 'no_token_available':
    case 'upstream_overloaded':
      // Tokens there are, but the upstream lets none of them use this model: waiting would not help.
      if (refusal.decision.candidates.length > 0 && refusal.decision.candidates.every((one) => one.refused === 'model')) {
        return new AppError('model_not_found', { message: 'No token of the pool may use this model.', param: 'model' });
      }
      return new AppError(refusal.code, { retryAfterSeconds });
    default:
      return assertNever(refusal);
  }
}
