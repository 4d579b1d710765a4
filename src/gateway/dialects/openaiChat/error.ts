/** Errors in OpenAI's shape. */
import type { AppError } from '../../../errors.js';
import type { RenderedError } from '../define.js';
import { errorExtras, errorText } from '../shared/errorText.js';

export function chatError(error: AppError): RenderedError {
  return { status: error.status, body: chatErrorBody(error) };
}

export function chatErrorBody(error: AppError): unknown {
  return {
    error: { ...errorExtras(error), message: errorText(error), type: errorType(error), code: error.code, param: error.param ?? null },
  };
}

/** OpenAI's own words where it has one for the status; a wrong key is an invalid request there. */
function errorType(error: AppError): string {
  if (error.code === 'quota_exceeded') return 'insufficient_quota';
  if (error.status >= 500) return 'server_error';
  if (error.status === 429) return 'rate_limit_error';
  if (error.status === 403) return 'permission_error';
  return 'invalid_request_error';
}
