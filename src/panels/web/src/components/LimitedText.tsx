/** Text fields with a largest length: what is too long stays as it is, and is said at the field, instead of being cut. */
import { Textarea, type TextareaProps, TextInput, type TextInputProps } from '@mantine/core';
import { useT } from '../i18n';
import { useFormat } from '../i18n/format';

interface Limit {
  /** UTF-16 units, as the API counts. */
  readonly max: number;
  readonly value: string;
}

export function LimitedInput({ max, ...props }: Omit<TextInputProps, 'value' | 'maxLength'> & Limit) {
  return <TextInput {...props} error={useTooLong(props.value, max) ?? props.error} />;
}

export function LimitedArea({ max, ...props }: Omit<TextareaProps, 'value' | 'maxLength'> & Limit) {
  return <Textarea {...props} error={useTooLong(props.value, max) ?? props.error} />;
}

function useTooLong(value: string, max: number): string | null {
  const t = useT();
  const format = useFormat();
  const { length } = value.trim();
  return length <= max ? null : t('common:tooLong', { max: format.number(max), length: format.number(length) });
}
