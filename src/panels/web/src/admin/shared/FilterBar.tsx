/** The fields above a list that narrow it: text, a choice, a time; they apply by themselves. */
import { Button, Group, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconFilterOff, IconSearch } from '@tabler/icons-react';
import { type ReactNode, useEffect, useState } from 'react';
import { LimitedInput } from '../../components/LimitedText';
import { useT } from '../../i18n';
import { isoOfLocal, localOfIso } from './localTime';

export interface FilterBarProps {
  readonly active: boolean;
  readonly onClear: () => void;
  readonly children: ReactNode;
}

export function FilterBar({ active, onClear, children }: FilterBarProps) {
  const t = useT('admin');
  return (
    <Group role="search" aria-label={t('admin:common.filters')} gap="sm" align="flex-end" mb="md">
      {children}
      {active && (
        <Button variant="subtle" size="sm" leftSection={<IconFilterOff size={16} />} onClick={onClear}>
          {t('admin:common.resetFilters')}
        </Button>
      )}
    </Group>
  );
}

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** As the API takes of a search or filter. */
const longest = 300;

/** Applies when typing pauses, or on Enter. */
export function TextFilter(props: FieldProps & { readonly hint?: string; readonly search?: boolean; readonly invalid?: boolean }) {
  const { label, value, onChange, hint, search, invalid } = props;
  const [text, setText] = useState(value);
  const applyNow = (next: string): void => {
    if (next.trim().length <= longest) onChange(next.trim());
  };
  const apply = useDebouncedCallback(applyNow, 350);
  // Cleared or followed by a link: the field shows what is in force.
  useEffect(() => setText(value), [value]);
  return (
    <LimitedInput
      label={label}
      {...(hint !== undefined && { placeholder: hint })}
      {...(search && { leftSection: <IconSearch size={16} aria-hidden />, type: 'search' })}
      value={text}
      error={invalid ?? false}
      max={longest}
      flex={{ base: '1 1 100%', xs: '0 1 220px' }}
      onChange={({ currentTarget }) => {
        setText(currentTarget.value);
        apply(currentTarget.value);
      }}
      onKeyDown={({ key, currentTarget }) => {
        if (key === 'Enter') applyNow(currentTarget.value);
      }}
    />
  );
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** A native list of choices; '' stands for all. */
export function SelectFilter(props: FieldProps & { readonly choices: readonly Choice[]; readonly all?: string | null }) {
  const { label, value, onChange, choices, all } = props;
  const t = useT('admin');
  const data = all === null ? choices : [{ value: '', label: all ?? t('admin:common.all') }, ...choices];
  return (
    <NativeSelect
      label={label}
      value={value}
      data={data as Choice[]}
      flex={{ base: '1 1 40%', xs: '0 0 auto' }}
      maw={{ base: '100%', xs: 240 }}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}

/** A moment in the reader's time zone; the value is ISO 8601 UTC. */
export function TimeFilter({ label, value, onChange }: FieldProps) {
  return (
    <TextInput
      label={label}
      type="datetime-local"
      value={localOfIso(value)}
      flex={{ base: '1 1 100%', xs: '0 0 auto' }}
      onChange={({ currentTarget }) => onChange(isoOfLocal(currentTarget.value))}
    />
  );
}
