/** What an upstream's failure means: for the token, for another try, and for the client (kiro-protocol B9, contract §3). */
import { AppError } from '../../errors.js';
import type { AttemptOutcome } from '../../limits/port.js';
import { type FailureKind, UpstreamFailure } from '../../upstreams/define.js';
import { retrySeconds } from './refusalError.js';

interface Meaning {
  readonly outcome: AttemptOutcome;
  /** May another token (or the same, refreshed) serve it before the first byte of output? */
  readonly retry: boolean;
}

const meanings: Readonly<Record<FailureKind, Meaning>> = {
  client: { outcome: 'neutral', retry: false },
  context_overflow: { outcome: 'neutral', retry: false },
  model_unsupported: { outcome: 'neutral', retry: true },
  auth: { outcome: 'token_failure', retry: true },
  routing: { outcome: 'token_failure', retry: true },
  suspended: { outcome: 'neutral', retry: true },
  invalid_credential: { outcome: 'neutral', retry: true },
  credits: { outcome: 'neutral', retry: true },
  risk: { outcome: 'risk', retry: true },
  // Switching accounts does not help against a global shortage.
  capacity: { outcome: 'capacity', retry: false },
  transient: { outcome: 'upstream_failure', retry: true },
  network: { outcome: 'upstream_failure', retry: true },
  timeout: { outcome: 'upstream_failure', retry: true },
  protocol: { outcome: 'upstream_failure', retry: true },
  empty: { outcome: 'neutral', retry: true },
  aborted: { outcome: 'neutral', retry: false },
};

export const meaningOf = (kind: FailureKind): Meaning => meanings[kind];

/** Anything thrown below becomes an UpstreamFailure; an abort of ours is `aborted` whatever was thrown. */
export function asFailure(error: unknown, signal: AbortSignal): UpstreamFailure {
  if (signal.aborted) return new UpstreamFailure({ kind: 'aborted', message: 'The call was ended by our side.', cause: error });
  if (error instanceof UpstreamFailure) return error;
  if (error instanceof AppError && error.status < 500) {
    return new UpstreamFailure({
      kind: 'client',
      message: error.message,
      cause: error,
      ...(error.param === undefined ? {} : { param: error.param }),
    });
  }
  return new UpstreamFailure({ kind: 'protocol', message: 'The upstream could not be read.', cause: error });
}

/** The error a client gets when the last attempt failed. Never says that the client's key is wrong. */
export function clientError(failure: UpstreamFailure): AppError {
  const message = failure.message;
  const param = failure.param === undefined ? {} : { param: failure.param };
  switch (failure.kind) {
    case 'client':
      return new AppError('invalid_request', { message, cause: failure, ...param });
    case 'context_overflow':
      return new AppError('context_length_exceeded', {
        message: overflowMessage(message),
        cause: failure,
        param: failure.param ?? 'messages',
      });
    case 'model_unsupported':
      return new AppError('model_not_found', { message, cause: failure, param: 'model' });
    case 'capacity':
      return new AppError('upstream_overloaded', {
        message,
        cause: failure,
        retryAfterSeconds: retrySeconds(failure.retryAfterMs ?? 5_000),
      });
    case 'timeout':
      return new AppError('upstream_timeout', { message, cause: failure });
    default:
      return new AppError('upstream_error', { message, cause: failure });
  }
}

/** Clients compact the conversation when they read these words. */
const overflowMessage = (message: string): string => (message.includes('prompt is too long') ? message : `prompt is too long: ${message}`);
