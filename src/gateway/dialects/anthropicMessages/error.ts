/** Errors in Anthropic's shape. */
import type { AppError } from '../../../errors.js';
import type { RenderedError } from '../define.js';
import { errorExtras, errorText } from '../shared/errorText.js';

export function messagesError(error: AppError, requestId: string): RenderedError {
  return { status: error.status, body: messagesErrorBody(error, requestId) };
}

export function messagesErrorBody(error: AppError, requestId: string): unknown {
  const param = error.param === undefined ? {} : { param: error.param };
  return {
    type: 'error',
    error: { ...errorExtras(error), type: errorType(error), message: errorText(error), code: error.code, ...param },
    request_id: requestId,
  };
}

/** The API's own words by status. A 503 of ours means "try again soon", which is what clients do on `overloaded_error`. */
function errorType(error: AppError): string {
  switch (error.status) {
    case 401:
      return 'authentication_error';
    case 403:
      return 'permission_error';
    case 404:
      return 'not_found_error';
    case 413:
      return 'request_too_large';
    case 429:
      return 'rate_limit_error';
    case 503:
      return error.code === 'site_disabled' ? 'api_error' : 'overloaded_error';
    case 504:
      return 'timeout_error';
    default:
      return error.status < 500 ? 'invalid_request_error' : 'api_error';
  }
}
