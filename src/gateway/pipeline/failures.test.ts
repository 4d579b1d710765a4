import { describe, expect, it } from 'vitest';
import { AppError } from '../../errors.js';
import type { AttemptOutcome } from '../../limits/port.js';
import { type FailureKind, UpstreamFailure } from '../../upstreams/define.js';
import { asFailure, clientError, isBeforeSending, meaningOf } from './failures.js';

const running = new AbortController().signal;
const failure = (kind: FailureKind, over: Partial<ConstructorParameters<typeof UpstreamFailure>[0]> = {}): UpstreamFailure =>
  new UpstreamFailure({ kind, message: `said ${kind}`, ...over });

/** kiro-protocol B9 and contract §3: for the token, for another try, for the client. */
const table: Record<FailureKind, [outcome: AttemptOutcome, retry: boolean, status: number, code: string]> = {
  client: ['neutral', false, 400, 'invalid_request'],
  context_overflow: ['neutral', false, 400, 'context_length_exceeded'],
  model_unsupported: ['neutral', true, 404, 'model_not_found'],
  auth: ['token_failure', true, 502, 'upstream_error'],
  routing: ['token_failure', true, 502, 'upstream_error'],
  suspended: ['neutral', true, 502, 'upstream_error'],
  invalid_credential: ['neutral', true, 502, 'upstream_error'],
  credits: ['neutral', true, 502, 'upstream_error'],
  risk: ['risk', true, 502, 'upstream_error'],
  capacity: ['capacity', false, 503, 'upstream_overloaded'],
  transient: ['upstream_failure', true, 502, 'upstream_error'],
  network: ['upstream_failure', true, 502, 'upstream_error'],
  timeout: ['upstream_failure', true, 504, 'upstream_timeout'],
  protocol: ['upstream_failure', true, 502, 'upstream_error'],
  empty: ['neutral', true, 502, 'upstream_error'],
  withdrawn: ['neutral', true, 503, 'no_token_available'],
  aborted: ['neutral', false, 502, 'upstream_error'],
};
const kinds = Object.keys(table) as FailureKind[];

describe('a failure of the upstream', () => {
  it.each(kinds)('of kind %s means what the table says', (kind) => {
    const [outcome, retry, status, code] = table[kind];
    expect(meaningOf(failure(kind))).toEqual({ outcome, retry });
    expect(clientError(failure(kind))).toMatchObject({ status, code });
  });

  it.each(kinds)('of kind %s with a 401 or 403 never looks as if the client had the wrong key (pitfall 53)', (kind) => {
    for (const status of [401, 403]) {
      const error = clientError(failure(kind, { status, message: 'The bearer token included in the request is invalid.' }));
      expect([401, 403]).not.toContain(error.status);
      expect(error.code).not.toBe('invalid_api_key');
    }
  });

  it.each(['auth', 'routing', 'suspended', 'invalid_credential', 'credits', 'risk'] as const)(
    'that speaks of our credential says whose it is: %s',
    (kind) => {
      expect(clientError(failure(kind, { message: 'The bearer token is invalid.' })).message).toBe(
        'The upstream refused a token of the pool: The bearer token is invalid.',
      );
    },
  );

  it('tells the client how long to wait where there is no capacity, in whole seconds', () => {
    expect(clientError(failure('capacity')).retryAfterSeconds).toBe(5);
    expect(clientError(failure('capacity', { retryAfterMs: 1_200 })).retryAfterSeconds).toBe(2);
    expect(clientError(failure('capacity', { retryAfterMs: 1 })).retryAfterSeconds).toBe(1);
  });

  it('over the window is worded so that clients compact', () => {
    expect(clientError(failure('context_overflow')).message).toBe('prompt is too long: said context_overflow');
    const worded = 'prompt is too long: 1 > 0';
    expect(clientError(failure('context_overflow', { message: worded }))).toMatchObject({ message: worded, param: 'messages' });
  });

  it("names the client's field where it is known", () => {
    expect(clientError(failure('client', { param: 'tools[3].name' })).param).toBe('tools[3].name');
    expect(clientError(failure('client')).param).toBeUndefined();
  });
});

describe('anything thrown', () => {
  it('is what it is when it is an upstream failure', () => {
    const thrown = failure('credits');
    expect(asFailure(thrown, running)).toBe(thrown);
  });

  it('after our own abort is the abort', () => {
    const signal = AbortSignal.abort(new Error('left'));
    for (const thrown of [failure('network'), new TypeError('terminated'), new AppError('internal')]) {
      expect(asFailure(thrown, signal).kind).toBe('aborted');
    }
  });

  it("that refuses the client's request is the client's", () => {
    const found = asFailure(new AppError('invalid_request', { message: 'no image there', param: 'messages[0]' }), running);
    expect(found).toMatchObject({ kind: 'client', message: 'no image there', param: 'messages[0]' });
  });

  it("that is our own trouble is nobody's fault, is not tried on another token, and reaches the client as it is", () => {
    const trouble = new AppError('storage_unavailable', { retryAfterSeconds: 2 });
    const found = asFailure(trouble, running);
    expect(meaningOf(found)).toEqual({ outcome: 'neutral', retry: false });
    expect(clientError(found)).toBe(trouble);
  });

  it('that keeps one credential from us is tried on another token, and reaches the client as it is', () => {
    const trouble = new AppError('storage_unavailable', { retryAfterSeconds: 2 });
    const found = failure('withdrawn', { cause: trouble });
    expect(meaningOf(found)).toEqual({ outcome: 'neutral', retry: true });
    expect(clientError(found)).toBe(trouble);
  });

  it('that nobody knows is a fault of ours: neither upstream nor token pays, and the client is told nothing of it', () => {
    const found = asFailure(new TypeError("secret is not a function at '/home/x'"), running);
    expect(found.kind).toBe('protocol');
    expect(meaningOf(found)).toEqual({ outcome: 'neutral', retry: false });
    expect(clientError(found)).toMatchObject({ code: 'internal', message: 'Something went wrong on our side.' });
  });
});

describe('what was never sent', () => {
  it('is a refusal that only a response could tell, without one', () => {
    expect(isBeforeSending(failure('client'), false)).toBe(true);
    expect(isBeforeSending(failure('invalid_credential'), false)).toBe(true);
    expect(isBeforeSending(failure('client'), true)).toBe(false);
  });

  it.each(['network', 'timeout', 'protocol', 'transient', 'empty', 'aborted'] as const)('is not assumed of %s', (kind) => {
    expect(isBeforeSending(failure(kind), false)).toBe(false);
  });
});
