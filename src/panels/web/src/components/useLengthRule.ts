/** For the checks of a form: what is too long is said, and nothing is cut. */
import { useT } from '../i18n';
import { useFormat } from '../i18n/format';

/** `atMost(100)` answers what is wrong with a text, or null. Counts UTF-16 units, as the API does. */
export function useLengthRule(): (max: number) => (value: string) => string | null {
  const t = useT();
  const format = useFormat();
  return (max) => (value) =>
    value.trim().length <= max ? null : t('common:tooLong', { max: format.number(max), length: format.number(value.trim().length) });
}
