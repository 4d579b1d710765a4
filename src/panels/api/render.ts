/** The one place where an error becomes an answer: `{error: {message, type, code, param}}`, never a stack trace. */
import { AppError, type ErrorCode } from '../../errors.js';
import { DatabaseError } from '../../infra/database/errors.js';

export interface RenderedError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: Readonly<Record<string, unknown>> };
}

const typesByStatus: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  405: 'invalid_request_error',
  409: 'conflict_error',
  413: 'invalid_request_error',
  415: 'invalid_request_error',
  429: 'rate_limit_error',
};

/** Renders anything thrown. What is not an AppError, and not a known refusal of the body parser, is `internal`. */
export function renderError(error: unknown): RenderedError {
  const app = toAppError(error);
  return {
    status: app.status,
    headers: app.retryAfterSeconds === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(app.retryAfterSeconds))) },
    body: {
      error: {
        ...app.extra,
        message: app.message,
        type: typesByStatus[app.status] ?? 'api_error',
        code: app.code,
        param: app.param ?? null,
      },
    },
  };
}

export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof DatabaseError && error.transient) return new AppError('storage_unavailable', { retryAfterSeconds: 2, cause: error });
  const known = parserRefusal(error);
  if (known) return new AppError(known.code, { message: known.message });
  return new AppError('internal', { cause: error });
}

/** http-errors of Express and its body parser; their own messages may quote the body, ours do not. */
function parserRefusal(error: unknown): { code: ErrorCode; message: string } | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { type, status } = error as { type?: unknown; status?: unknown };
  switch (type) {
    case 'entity.parse.failed':
      return { code: 'invalid_request', message: 'The body is not valid JSON.' };
    case 'entity.too.large':
      return { code: 'payload_too_large', message: 'The request body is too large.' };
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return { code: 'unsupported_media_type', message: 'This content encoding or charset is not supported; send UTF-8 JSON.' };
    case 'request.aborted':
    case 'request.size.invalid':
      return { code: 'invalid_request', message: 'The body ended early.' };
    default:
      // A malformed percent-encoding in the path, a broken gzip body.
      return typeof status === 'number' && status >= 400 && status < 500
        ? { code: 'invalid_request', message: 'The request is malformed.' }
        : undefined;
  }
}
