import { describe, expect, it } from 'vitest';
import type { FailureKind } from '../define.js';
import { classify, cleanMessage, readRefusal, refusalFailure, routeFault } from './failures.js';

/** Status, body members, meaning: the rows of kiro-protocol B9. */
const table: readonly [number, { message?: string; reason?: string; __type?: string }, FailureKind][] = [
  [400, { message: 'Improperly formed request.' }, 'client'],
  [400, { message: 'Improperly formed request.', reason: 'REQUEST_BODY_INVALID' }, 'client'],
  [400, { message: 'profileArn is required for this request.' }, 'routing'],
  [400, { message: 'Invalid profileArn' }, 'routing'],
  [400, { message: 'x', reason: 'TOOL_USE_RESULT_MISMATCH' }, 'client'],
  [500, { message: 'x', reason: 'TOOL_USE_RESULT_MISMATCH' }, 'client'],
  [400, { message: 'x', reason: 'TOOL_SCHEMA_INVALID' }, 'client'],
  [503, { message: 'Expected toolResult blocks at messages.2' }, 'client'],
  [400, { message: 'x', reason: 'CONTENT_LENGTH_EXCEEDS_THRESHOLD' }, 'context_overflow'],
  [400, { message: 'Input is too long for requested model.' }, 'context_overflow'],
  [413, { message: 'too large' }, 'context_overflow'],
  [400, { message: 'Invalid model. Please select a different model', reason: 'INVALID_MODEL_ID' }, 'model_unsupported'],
  [400, { message: 'x', reason: 'THINKING_SIGNATURE_INVALID' }, 'client'],
  [401, { message: 'The bearer token included in the request is invalid.' }, 'auth'],
  [403, { message: 'The bearer token included in the request is invalid.' }, 'auth'],
  [401, {}, 'auth'],
  [403, {}, 'auth'],
  [402, { message: 'Payment required' }, 'credits'],
  [429, { message: 'You have reached the limit.', reason: 'MONTHLY_REQUEST_COUNT' }, 'credits'],
  [402, { message: 'x', reason: 'OVERAGE_REQUEST_LIMIT_EXCEEDED' }, 'credits'],
  [
    403,
    {
      message:
        'Your User ID temporarily is suspended. We detected unusual user activity and locked it as a security precaution: locked your account.',
    },
    'suspended',
  ],
  [403, { message: 'x', reason: 'TEMPORARILY_SUSPENDED' }, 'suspended'],
  [423, { message: 'Locked' }, 'suspended'],
  [403, { message: 'User is not authorized to make this call.' }, 'routing'],
  [429, { message: 'We detected suspicious activity and placed temporary limits on your account.' }, 'risk'],
  [429, { message: 'x', reason: 'INSUFFICIENT_MODEL_CAPACITY' }, 'capacity'],
  [429, { message: 'I am experiencing a high volume of traffic' }, 'capacity'],
  [429, { message: 'Too many requests', __type: 'com.amazon.aws.codewhisperer#ThrottlingException' }, 'capacity'],
  [500, { message: 'x' }, 'transient'],
  [502, {}, 'transient'],
  [503, { message: 'x', reason: 'MODEL_TEMPORARILY_UNAVAILABLE' }, 'transient'],
  [504, {}, 'transient'],
  [524, {}, 'timeout'],
  [404, {}, 'routing'],
  [400, { message: 'Something else' }, 'client'],
];

describe('B9: what a refusal means', () => {
  it.each(table)('%i %j is %s', (status, body, kind) => {
    expect(classify(readRefusal(status, JSON.stringify(body), {}, 0))).toBe(kind);
  });

  const accused = 'Your account is suspended: we locked your account for suspicious activity; you have reached the limit.';
  it.each([
    [400, 'client'],
    [404, 'routing'],
    [500, 'transient'],
    [503, 'transient'],
  ] as const)('a %i that repeats a caller’s words takes no token out of service', (status, kind) => {
    expect(classify(readRefusal(status, JSON.stringify({ message: accused }), {}, 0))).toBe(kind);
  });

  it('an error without a status is believed by its code, never by its words', () => {
    const told = (body: unknown) => classify(readRefusal(undefined, JSON.stringify(body), {}, 0));
    expect(told({ message: accused })).toBe('protocol');
    expect(told({ message: 'x', reason: 'TEMPORARILY_SUSPENDED' })).toBe('suspended');
    expect(told({ message: 'x', reason: 'MONTHLY_REQUEST_COUNT' })).toBe('credits');
    expect(told({ message: 'we locked your account', __type: 'com.amazon#AccessDeniedException' })).toBe('suspended');
    expect(told({ message: 'suspicious activity', __type: 'com.amazon#ThrottlingException' })).toBe('risk');
  });

  it('B9: risk control cools at least half an hour and passes a longer hint on', () => {
    const refusal = (retry: Record<string, string>) => readRefusal(429, '{"message":"suspicious activity"}', retry, 0);
    expect(refusalFailure(refusal({}), []).retryAfterMs).toBe(30 * 60_000);
    expect(refusalFailure(refusal({ 'retry-after': '7200' }), []).retryAfterMs).toBe(7_200_000);
  });

  it('B9: Retry-After is read as seconds and as a date, and absent when it says nothing', () => {
    const now = Date.parse('2026-11-23T00:00:00Z');
    expect(readRefusal(429, '', { 'retry-after': '7' }, now).retryAfterMs).toBe(7_000);
    expect(readRefusal(429, '', { 'retry-after': 'Mon, 23 Nov 2026 00:00:30 GMT' }, now).retryAfterMs).toBe(30_000);
    expect(readRefusal(429, '', { 'retry-after': 'soon' }, now).retryAfterMs).toBeUndefined();
  });

  it('pitfall 54: an overflow is worded so that clients compact', () => {
    expect(refusalFailure(readRefusal(400, '{"message":"Input is too long"}', {}, 0), []).message).toMatch(/^prompt is too long/);
  });

  it('B3: another route is tried for a missing profile or a wrong endpoint, never for an ordinary 400', () => {
    const fault = (status: number, message: string) => routeFault(readRefusal(status, JSON.stringify({ message }), {}, 0));
    expect(fault(400, 'profileArn is required for this request.')).toBe('profile');
    expect(fault(404, '')).toBe('endpoint');
    expect(fault(405, '')).toBe('endpoint');
    expect(fault(403, 'UnknownOperationException')).toBe('endpoint');
    expect(fault(400, 'Improperly formed request.')).toBeNull();
    expect(fault(403, 'User is not authorized to make this call.')).toBeNull();
    expect(fault(429, 'endpoint busy')).toBeNull();
    expect(fault(500, 'profileArn is required')).toBeNull();
  });

  it('reads bodies that are not JSON, and names exceptions without their namespace', () => {
    expect(readRefusal(502, '<html><h1>Bad gateway</h1></html>', {}, 0)).toMatchObject({ reason: null });
    expect(cleanMessage('<html><h1>Bad gateway</h1></html>', [])).toBe('Bad gateway');
    expect(readRefusal(400, '{"__type":"com.amazon#ValidationException:http://x"}', {}, 0).reason).toBe('ValidationException');
  });

  it('cleans secrets, ARNs, account numbers and long tokens out of the words', () => {
    const secret = 'refresh-token-of-someone';
    const words = `token ${secret} Bearer aoaAAAAAGlfTyA8C4cabcdefgh arn:aws:codewhisperer:us-east-1:123456789012:profile/ABC 123456789012 ${'a1B2'.repeat(20)}\u0000`;
    const clean = cleanMessage(words, [secret]);
    expect(clean).not.toContain(secret);
    expect(clean).not.toMatch(/aoaAAAAA|123456789012|a1B2a1B2|profile\/ABC|\u0000/);
    expect(cleanMessage('x'.repeat(30).concat(' ').repeat(100), []).length).toBeLessThanOrEqual(500);
  });
});
