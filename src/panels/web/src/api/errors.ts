/** A refusal or failure of the API as one error class. */

export class ApiError extends Error {
  readonly status: number;
  /** Of the catalogue, or `network` where no answer came, or `unknown`. */
  readonly code: string;
  /** The field at fault. */
  readonly param: string | null;
  readonly retryAfterSeconds: number | null;
  /** Names the request in logs and events. */
  readonly requestId: string | null;
  /** All that the API told, also what only some refusals have: `issue`, `reason`, `current`. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(facts: {
    readonly status: number;
    readonly code: string;
    readonly message: string;
    readonly param?: string | null;
    readonly retryAfterSeconds?: number | null;
    readonly requestId?: string | null;
    readonly details?: Readonly<Record<string, unknown>>;
    readonly cause?: unknown;
  }) {
    super(facts.message, { cause: facts.cause });
    this.name = 'ApiError';
    this.status = facts.status;
    this.code = facts.code;
    this.param = facts.param ?? null;
    this.retryAfterSeconds = facts.retryAfterSeconds ?? null;
    this.requestId = facts.requestId ?? null;
    this.details = facts.details ?? {};
  }

  /** Which of several refusals under one code it is. */
  get reason(): string | null {
    return typeof this.details['reason'] === 'string' ? this.details['reason'] : null;
  }
}

/** Reads `{error: {message, code, param}}`; anything else is `unknown` with the status. */
export async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as { error?: Readonly<Record<string, unknown>> } | null;
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return new ApiError({
    status: response.status,
    code: text(body?.error?.['code']) ?? 'unknown',
    message: text(body?.error?.['message']) ?? `HTTP ${response.status}`,
    param: text(body?.error?.['param']),
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : null,
    requestId: response.headers.get('x-request-id'),
    ...(typeof body?.error === 'object' && body.error !== null && { details: body.error }),
  });
}
