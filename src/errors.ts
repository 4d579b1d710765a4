/** The catalogue of everything the product refuses: code → HTTP status and public text. One error class carries it. */

export const errorCatalogue = {
  invalid_request: { status: 400, text: 'The request is not valid.' },
  context_length_exceeded: { status: 400, text: 'prompt is too long' },
  invalid_api_key: { status: 401, text: 'Invalid API key.' },
  unauthenticated: { status: 401, text: 'Sign in first.' },
  invalid_login: { status: 401, text: 'The login is not right.' },
  forbidden: { status: 403, text: 'You may not do this.' },
  csrf_mismatch: { status: 403, text: 'The x-csrf-token header is missing or does not fit the session.' },
  user_banned: { status: 403, text: 'This account is banned.' },
  user_pending: { status: 403, text: 'This account waits for approval.' },
  ip_banned: { status: 403, text: 'This address is banned.' },
  sign_up_closed: { status: 403, text: 'Sign-up is closed on this site.' },
  model_not_allowed: { status: 403, text: 'This key may not use this model.' },
  model_not_found: { status: 404, text: 'The model does not exist.' },
  not_found: { status: 404, text: 'Nothing is here.' },
  method_not_allowed: { status: 405, text: 'This path does not answer that method.' },
  conflict: { status: 409, text: 'The thing already exists or was changed meanwhile.' },
  payload_too_large: { status: 413, text: 'The request body is larger than 50 MB.' },
  unsupported_media_type: { status: 415, text: 'Send application/json.' },
  quota_exceeded: { status: 429, text: 'The quota is used up.' },
  key_rate_limited: { status: 429, text: 'This key has reached its requests per minute.' },
  pool_exhausted: { status: 429, text: 'Every upstream token is at its limit or cooling down.' },
  too_many_attempts: { status: 429, text: 'Too many wrong tries; wait a minute.' },
  client_closed: { status: 499, text: 'The client left.' },
  internal: { status: 500, text: 'Something went wrong on our side.' },
  upstream_error: { status: 502, text: 'The upstream failed.' },
  no_token_available: { status: 503, text: 'No upstream token can serve this request.' },
  upstream_overloaded: { status: 503, text: 'The upstream is out of capacity.' },
  site_disabled: { status: 503, text: 'The site is switched off.' },
  storage_unavailable: { status: 503, text: 'The stores are out of reach.' },
  node_stopping: { status: 503, text: 'This node is stopping; try again.' },
  upstream_timeout: { status: 504, text: 'The upstream did not answer in time.' },
} as const satisfies Record<string, { status: number; text: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

export interface AppErrorOptions {
  /** Public text; replaces the catalogue's. Never put a secret or foreign data that was not cleaned into it. */
  readonly message?: string;
  /** The field at fault, as a path such as `messages[2].content[0].type`. */
  readonly param?: string;
  /** Whole seconds for the `Retry-After` header. */
  readonly retryAfterSeconds?: number;
  /** More members for the error object, for example `{quota, reset_at}`. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** For the log only. */
  readonly cause?: unknown;
}

/** A refusal or failure with a catalogued code. `message` is public; `cause` is for the log. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.message ?? errorCatalogue[code].text, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.status = errorCatalogue[code].status;
    this.param = options.param;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.extra = options.extra ?? {};
  }
}

/** A store that could not be reached at start in time; the process ends with code 69. The message names host, port and database, never a password. */
export class StoreUnreachable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreUnreachable';
  }
}
