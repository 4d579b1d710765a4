/** A field for one number. It keeps the text as typed; what is not such a number is said at the field. */
import { TextInput } from '@mantine/core';
import { useT } from '../i18n';
import { useFormat } from '../i18n/format';
import { type NumberRule, readNumber } from './numberText';

export interface NumberFieldProps {
  readonly label: string;
  readonly description?: string;
  readonly placeholder?: string;
  readonly text: string;
  readonly rule: NumberRule;
  /** Empty is an answer too, and no fault. */
  readonly optional?: boolean;
  readonly disabled?: boolean;
  /** What the API found wrong; a fault of the text itself goes first. */
  readonly error?: string | boolean | null;
  readonly onChange: (text: string) => void;
}

export function NumberField({ label, description, placeholder, text, rule, optional, disabled, error, onChange }: NumberFieldProps) {
  const fault = useNumberFault()(text, rule, optional);
  return (
    <TextInput
      label={label}
      {...(description !== undefined && { description })}
      {...(placeholder !== undefined && { placeholder })}
      inputMode={rule.whole ? 'numeric' : 'decimal'}
      autoComplete="off"
      value={text}
      disabled={disabled ?? false}
      error={(disabled ? null : fault) ?? error}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}

/** Says in words what is wrong with the text of a number field; null: nothing. */
function useNumberFault(): (text: string, rule: NumberRule, optional?: boolean) => string | null {
  const t = useT();
  const format = useFormat();
  return (text, rule, optional = false) => {
    const read = readNumber(text, rule);
    if (!('fault' in read) || (optional && read.fault === 'empty')) return null;
    const { min, max } = rule;
    if (read.fault !== 'outOfRange' || typeof min !== 'number' || typeof max !== 'number') return t(`common:numbers.${read.fault}`);
    return t('common:numbers.range', { min: format.number(min), max: format.number(max) });
  };
}
