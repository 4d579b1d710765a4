/** Headers that every Kiro API call carries (kiro-protocol B3). One configured identity, and opted out of content use. */

export function apiHeaders(options: {
  readonly identity: string;
  readonly accessToken: string;
  /** UUID of the logical request; the same over its attempts. */
  readonly invocationId: string;
  readonly attempt: number;
}): Record<string, string> {
  return {
    authorization: `Bearer ${options.accessToken}`,
    'user-agent': options.identity,
    'x-amz-user-agent': options.identity,
    'amz-sdk-invocation-id': options.invocationId,
    'amz-sdk-request': `attempt=${options.attempt}; max=3`,
    'x-amzn-codewhisperer-optout': 'true',
  };
}
