/** An error of the API in the reader's language. */
import { useCallback } from 'react';
import type { ApiError } from '../api/errors';
import type common from '../locales/en/common.json';
import { type FieldText, useFieldText } from './fieldText';
import { useFormat } from './format';
import { useT } from './index';

type Known = keyof typeof common.errors;

const known: ReadonlySet<string> = new Set<Known>([
  'invalid_request',
  'invalid_api_key',
  'unauthenticated',
  'invalid_login',
  'forbidden',
  'csrf_mismatch',
  'account_changed',
  'user_banned',
  'user_pending',
  'ip_banned',
  'sign_up_closed',
  'model_not_allowed',
  'model_not_found',
  'not_found',
  'conflict',
  'payload_too_large',
  'quota_exceeded',
  'key_rate_limited',
  'pool_exhausted',
  'too_many_attempts',
  'internal',
  'upstream_error',
  'no_token_available',
  'upstream_overloaded',
  'site_disabled',
  'storage_unavailable',
  'node_stopping',
  'upstream_timeout',
  'network',
  'sign_in_failed',
  'sign_in_expired',
  'sign_in_cancelled',
  'provider_unavailable',
]);

/** Codes whose own message says more than their name: which field, which rule. */
const telling: ReadonlySet<string> = new Set(['invalid_request', 'conflict', 'upstream_error']);

export function useErrorText(): (error: ApiError) => string {
  const t = useT();
  const format = useFormat();
  const fields = useFieldText();
  return useCallback(
    (error) => {
      const told = tellingText(error, fields);
      if (told !== null) return told;
      const base = known.has(error.code) ? t(`common:errors.${error.code as Known}`) : error.message || error.code;
      const more = telling.has(error.code) && error.message !== '' ? ` ${error.message}` : '';
      const wait = error.retryAfterSeconds === null ? '' : ` ${t('common:retryAfter', { time: format.span(error.retryAfterSeconds) })}`;
      return `${base}${more}${wait}`;
    },
    [t, format, fields],
  );
}

/** In the reader's language, where the API tells facts; else its own words have to do. */
function tellingText(error: ApiError, fields: FieldText): string | null {
  if (!telling.has(error.code)) return null;
  return fields.reason(error.reason, error.param) ?? fields.issue(error.param ?? '', error.details['issue']);
}
