/** What an upstream's failure means: for the token, for another try, and for the client (kiro-protocol B9, contract §3). */
import { AppError } from '../../errors.js';
import type { AttemptOutcome } from '../../limits/port.js';
import { assertNever } from '../../shared/assertNever.js';
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
  withdrawn: { outcome: 'neutral', retry: true },
  aborted: { outcome: 'neutral', retry: false },
};

/** Trouble of ours, for example a store that takes no events: nobody else is at fault, and another token would not help. */
const OUR_TROUBLE: Meaning = { outcome: 'neutral', retry: false };

/** The way it was sent was wrong, which no token is to blame for. */
const OTHER_WAY: Meaning = { outcome: 'neutral', retry: true };

export function meaningOf(failure: Pick<UpstreamFailure, 'kind' | 'cause'> & Partial<Pick<UpstreamFailure, 'retry'>>): Meaning {
  // The store is needed for this token alone: another one's credential may be at hand.
  if (failure.kind !== 'withdrawn' && ownError(failure) !== undefined) return OUR_TROUBLE;
  return failure.retry === 'same_token' ? OTHER_WAY : meanings[failure.kind];
}

/** The error of ours that an attempt failed with, where it was not the upstream: a store out of reach, a caller banned meanwhile. */
function ownError({ cause }: Pick<UpstreamFailure, 'cause'>): AppError | undefined {
  return cause instanceof AppError && (cause.status >= 500 || cause.status === 401 || cause.status === 403) ? cause : undefined;
}

/** Kinds that only a response can tell: without one an adapter's own check refused, and nothing was sent. */
const toldByResponse: ReadonlySet<FailureKind> = new Set([
  'client',
  'context_overflow',
  'model_unsupported',
  'auth',
  'routing',
  'suspended',
  'invalid_credential',
  'credits',
  'risk',
  'capacity',
  'withdrawn',
]);

/** Did the failure come before anything was sent? `responded`: response headers were in. */
export const isBeforeSending = (failure: UpstreamFailure, responded: boolean): boolean => !responded && toldByResponse.has(failure.kind);

/** Anything thrown below becomes an UpstreamFailure; an abort of ours is `aborted` whatever was thrown. */
export function asFailure(error: unknown, signal: AbortSignal): UpstreamFailure {
  if (signal.aborted) return new UpstreamFailure({ kind: 'aborted', message: 'The call was ended by our side.', cause: error });
  if (error instanceof UpstreamFailure) return error;
  if (error instanceof AppError && error.status >= 500)
    return new UpstreamFailure({ kind: 'network', message: error.message, cause: error });
  if (error instanceof AppError) {
    return new UpstreamFailure({
      kind: 'client',
      message: error.message,
      cause: error,
      ...(error.param === undefined ? {} : { param: error.param }),
    });
  }
  // A fault of ours, whatever it is: the upstream and its tokens must not pay for it.
  return new UpstreamFailure({
    kind: 'protocol',
    message: 'The request could not be served.',
    cause: new AppError('internal', { cause: error }),
  });
}

/** The error a client gets when the last attempt failed. Never says that the client's key is wrong. */
export function clientError(failure: UpstreamFailure): AppError {
  const own = ownError(failure);
  if (own !== undefined) return own;
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
        retryAfterSeconds: retrySeconds(Math.min(failure.retryAfterMs ?? 5_000, LONGEST_CAPACITY_MS)),
      });
    case 'withdrawn':
      return new AppError('no_token_available', { cause: failure, retryAfterSeconds: WITHDRAWN_RETRY_S });
    case 'timeout':
      return new AppError('upstream_timeout', { message, cause: failure });
    case 'auth':
    case 'routing':
    case 'suspended':
    case 'invalid_credential':
    case 'credits':
    case 'risk':
      // "The bearer token is invalid" and the like speak of our credential: alone they would read as the client's key (pitfall 53).
      return new AppError('upstream_error', { message: `The upstream refused a token of the pool: ${message}`, cause: failure });
    case 'transient':
    case 'network':
    case 'protocol':
    case 'empty':
    case 'aborted':
      return new AppError('upstream_error', { message, cause: failure });
    default:
      return assertNever(failure.kind);
  }
}

/** Another token may be donated or resumed. */
const WITHDRAWN_RETRY_S = 5;

/** The limits' own back-off ends by then, whatever the upstream hinted. */
const LONGEST_CAPACITY_MS = 30_000;

/** Clients compact the conversation when they read these words. */
const overflowMessage = (message: string): string => (message.includes('prompt is too long') ? message : `prompt is too long: ${message}`);
