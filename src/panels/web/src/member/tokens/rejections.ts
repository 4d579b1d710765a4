/** Why a row of a donation was refused, in the reader's language. */
import { useCallback } from 'react';
import { useT } from '../../i18n';
import type member from '../../locales/en/member.json';

export interface Rejection {
  readonly index: number;
  /** In English; for a code that is not known here. */
  readonly reason: string;
  /** This and `param`: absent from nodes of an older release. */
  readonly code?: string;
  /** The field at fault. */
  readonly param?: string | null;
}

type Known = keyof typeof member.donate.reasons;

export const knownReasons: ReadonlySet<string> = new Set<Known>([
  'not_json',
  'header_missing',
  'columns',
  'open_quote',
  'missing',
  'looks_cut',
  'too_long',
  'foreign_character',
  'not_text',
  'not_region',
  'not_profile_arn',
  'unknown_auth_type',
  'unknown_provider',
  'not_model',
  'in_pool_already',
  'too_many_tokens',
  'invalid_request',
]);

export function useRejectionText(): (rejection: Rejection) => string {
  const t = useT('member');
  return useCallback(
    ({ code, param, reason }) =>
      code !== undefined && knownReasons.has(code) ? t(`member:donate.reasons.${code as Known}`, { param: param ?? '', reason }) : reason,
    [t],
  );
}
