/** Names of the API's fields in the reader's language, and what is wrong with one, made of the refusal's facts. */
import type { i18n as I18n } from 'i18next';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { createFormat } from './format';

type Texts = Pick<I18n, 'exists' | 't' | 'language'>;

export interface FieldText {
  /** `entries[3].refreshToken` → "Refresh token (row 4)"; a name that has no text stays as it is. */
  name(path: string): string;
  /** A sentence; null where the facts are none that is known. */
  issue(path: string, issue: unknown): string | null;
  /** Which of several refusals it is, some of a field; null where that is not known. */
  reason(reason: string | null, path?: string | null): string | null;
}

export function createFieldText(i18n: Texts): FieldText {
  const format = createFormat(i18n.language);
  const say = (key: string, values: object = {}): string | null => (i18n.exists(key) ? i18n.t(key, { defaultValue: '', ...values }) : null);
  const name = (path: string): string => {
    const [, row, last = path] = /^(?:.*\[(\d+)\])?\.?([^.[\]]*)$/.exec(path) ?? [];
    const key = last === '' ? path.replace(/\[.*$/, '') : last;
    const label = say(`common:fields.${key}`) ?? say(`admin:settings.names.${key}`);
    if (label === null) return path;
    return row === undefined ? label : `${label} (${say('common:row', { n: Number(row) + 1 })})`;
  };
  return {
    name,
    issue(path, issue) {
      const facts = factsOf(issue);
      if (facts === null) return null;
      const { min, max } = facts;
      return say(`common:issues.${keyOf(facts)}`, {
        field: name(path),
        ...(min !== undefined && { min: format.number(min) }),
        ...(max !== undefined && { max: format.number(max) }),
      });
    },
    reason: (reason, path) => (reason === null ? null : say(`common:reasons.${reason}`, { field: name(path ?? '') })),
  };
}

interface Facts {
  readonly code: string;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly format: unknown;
}

function factsOf(issue: unknown): Facts | null {
  if (typeof issue !== 'object' || issue === null) return null;
  const { code, min, max, format } = issue as Readonly<Record<string, unknown>>;
  const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
  return typeof code === 'string' ? { code, min: number(min), max: number(max), format } : null;
}

function keyOf({ code, min, max, format }: Facts): string {
  if (code === 'range' && min === undefined) return 'most';
  if (code === 'range' && max === undefined) return 'least';
  return code === 'format' && format === 'email' ? 'email' : code;
}

export function useFieldText(): FieldText {
  const { i18n } = useTranslation();
  const { language } = i18n;
  // biome-ignore lint/correctness/useExhaustiveDependencies: one object for all languages
  return useMemo(() => createFieldText(i18n), [i18n, language]);
}
