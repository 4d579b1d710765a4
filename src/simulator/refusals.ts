/** Every way the simulated service says no, with the status, message and reason the real one uses (kiro-protocol B2, B4, B9). */

export interface RefusalDetail {
  readonly status: number;
  readonly message: string;
  readonly reason?: string | null;
  /** The AWS error shape's name, sent as `__type`. */
  readonly type: string;
  /** Ours, for people and tests: which rule was broken. Sent as `x-sim-rule`, which a product must not read. */
  readonly rule: string;
  /** Where in the body, for example `conversationState.history[3]`. */
  readonly path?: string;
  readonly retryAfterSeconds?: number;
  /** OAuth endpoints answer `{error, error_description}` instead. */
  readonly oauth?: string;
}

/** A request refused by the service. */
export class Refusal extends Error {
  constructor(readonly detail: RefusalDetail) {
    super(detail.message);
    this.name = 'Refusal';
  }

  /** The JSON body as the wire shows it. */
  body(): Record<string, unknown> {
    const { oauth, message, reason, type } = this.detail;
    if (oauth !== undefined) return { error: oauth, error_description: message };
    return { message, reason: reason ?? null, __type: `com.amazon.aws.codewhisperer#${type}` };
  }
}

// ---- the caller's body ----

/** The catch-all 400. `reason` is null on most paths. */
export function improper(rule: string, path: string, reason: string | null = null): Refusal {
  return new Refusal({ status: 400, message: 'Improperly formed request.', reason, type: 'ValidationException', rule, path });
}

export function bodyInvalid(message: string, rule: string, path: string): Refusal {
  return new Refusal({ status: 400, message, reason: 'REQUEST_BODY_INVALID', type: 'ValidationException', rule, path });
}

export function toolMismatch(rule: string, path: string, ids: readonly string[]): Refusal {
  const message = `Expected toolResult blocks at ${path} for the following Ids: ${ids.join(', ')}`;
  return new Refusal({ status: 400, message, reason: 'TOOL_USE_RESULT_MISMATCH', type: 'ValidationException', rule, path });
}

export function schemaInvalid(rule: string, path: string): Refusal {
  const message = `The tool input schema at ${path} is invalid.`;
  return new Refusal({ status: 400, message, reason: 'TOOL_SCHEMA_INVALID', type: 'ValidationException', rule, path });
}

export function tooLong(rule: string, path: string): Refusal {
  return new Refusal({
    status: 400,
    message: 'Input is too long.',
    reason: 'CONTENT_LENGTH_EXCEEDS_THRESHOLD',
    type: 'ValidationException',
    rule,
    path,
  });
}

export function invalidModel(path: string): Refusal {
  return new Refusal({
    status: 400,
    message: 'Invalid model. Please select a different model to continue.',
    reason: 'INVALID_MODEL_ID',
    type: 'ValidationException',
    rule: 'model',
    path,
  });
}

export function signatureInvalid(path: string): Refusal {
  return new Refusal({
    status: 400,
    message: 'The thinking signature is invalid.',
    reason: 'THINKING_SIGNATURE_INVALID',
    type: 'ValidationException',
    rule: 'reasoning.signature',
    path,
  });
}

// ---- the caller's identity and route ----

export function bearerInvalid(rule: string): Refusal {
  return new Refusal({ status: 403, message: 'The bearer token included in the request is invalid.', type: 'AccessDeniedException', rule });
}

export function notAuthorized(rule: string): Refusal {
  return new Refusal({ status: 403, message: 'User is not authorized to make this call.', type: 'AccessDeniedException', rule });
}

export function profileRequired(): Refusal {
  return new Refusal({
    status: 400,
    message: 'profileArn is required for this request.',
    type: 'ValidationException',
    rule: 'profile.required',
    path: 'profileArn',
  });
}

export function profileInvalid(): Refusal {
  return new Refusal({
    status: 400,
    message: 'Invalid profileArn.',
    type: 'ValidationException',
    rule: 'profile.shape',
    path: 'profileArn',
  });
}

export function unknownOperation(): Refusal {
  return new Refusal({ status: 404, message: 'The operation is not known here.', type: 'UnknownOperationException', rule: 'operation' });
}

// ---- the account ----

export function suspended(userId: string): Refusal {
  return new Refusal({
    status: 403,
    message:
      `Your User ID (${userId}) temporarily is suspended. We detected unusual user activity and locked your account ` +
      'as a security precaution. To restore access, please contact our support team to verify your identity.',
    reason: 'TEMPORARILY_SUSPENDED',
    type: 'AccessDeniedException',
    rule: 'account.suspended',
  });
}

/** Out of credits until the reset. */
export function outOfCredits(): Refusal {
  return new Refusal({
    status: 402,
    message: 'You have reached the limit.',
    reason: 'MONTHLY_REQUEST_COUNT',
    type: 'ServiceQuotaExceededException',
    rule: 'account.credits',
  });
}

/** The account's risk control; reason is null on the wire (seen in a public report of May 2026). */
export function risk(userId: string): Refusal {
  return new Refusal({
    status: 429,
    message:
      'Due to suspicious activity, we are imposing temporary limits on how frequently your account ' +
      `(${userId}) can send a request to Kiro while we investigate.`,
    type: 'ThrottlingException',
    rule: 'account.risk',
  });
}

// ---- refresh ----

/** The desktop endpoint answers 401 with a plain message (public reports name that status). */
export function socialRefreshRefused(): Refusal {
  return new Refusal({ status: 401, message: 'Invalid refresh token provided', type: 'UnauthorizedException', rule: 'refresh.token' });
}

export function oauthRefused(status: number, error: string, description: string, rule: string): Refusal {
  return new Refusal({ status, message: description, type: error, oauth: error, rule });
}
