/** Public words of an error, the same rules in every dialect. */
import { type AppError, errorCatalogue } from '../../../errors.js';

const OVERFLOW = 'prompt is too long';

/**
 * One and the same text for every key fault (a differing one would tell which keys exist), and for an
 * overflow the words by which clients know that they must compact (pitfalls 53, 54).
 */
export function errorText(error: AppError): string {
  if (error.code === 'invalid_api_key') return errorCatalogue.invalid_api_key.text;
  if (error.code !== 'context_length_exceeded' || error.message.includes(OVERFLOW)) return error.message;
  return `${OVERFLOW}: ${error.message}`;
}

/** Members beside message and type. In a stream no header can carry the wait, so the body does. */
export function errorExtras(error: AppError): Readonly<Record<string, unknown>> {
  return error.retryAfterSeconds === undefined ? error.extra : { ...error.extra, retry_after: error.retryAfterSeconds };
}
