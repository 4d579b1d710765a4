/** The quotas of one member: a figure of their own, or the site's default. */
import { Button, Group, SimpleGrid, Stack, Switch, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useGet, useWrite } from '../../api/queries';
import { NumberField } from '../../components/NumberField';
import { readNumber } from '../../components/numberText';
import { useT } from '../../i18n';
import { useErrorText } from '../../i18n/errorText';
import { useFormat } from '../../i18n/format';
import { type User, usersPath } from './types';

interface Defaults {
  readonly default_user_daily_quota: number;
  readonly default_user_monthly_quota: number;
}

const rule = { whole: true, min: 0, max: 1_000_000_000 };

/** null: the site's default; undefined: the text is no quota. */
function quotaOf(text: string | null): number | null | undefined {
  if (text === null) return null;
  const read = readNumber(text, rule);
  return 'fault' in read ? undefined : read.value;
}

const textOf = (quota: number | null): string | null => (quota === null ? null : String(quota));

export function QuotaForm({ user }: { readonly user: Pick<User, 'id' | 'quotaDaily' | 'quotaMonthly'> }) {
  const t = useT('admin');
  const errorText = useErrorText();
  const defaults = useGet<Defaults>('/admin/api/config').data;
  const [daily, setDaily] = useState(textOf(user.quotaDaily));
  const [monthly, setMonthly] = useState(textOf(user.quotaMonthly));
  const write = useWrite({ refreshes: [usersPath], quiet: true, done: t('admin:users.quotaSaved') });
  const body = { daily: quotaOf(daily), monthly: quotaOf(monthly) };
  const sound = body.daily !== undefined && body.monthly !== undefined;
  const changed = body.daily !== user.quotaDaily || body.monthly !== user.quotaMonthly;
  const save = (event: FormEvent): void => {
    event.preventDefault();
    if (sound) write.mutate({ method: 'PUT', path: `${usersPath}/${user.id}/quota`, body });
  };
  const fault = (param: string): string | null => (write.error && write.error.param === param ? errorText(write.error) : null);
  return (
    <form onSubmit={save}>
      <Stack gap="sm">
        <Title order={3}>{t('admin:users.quota')}</Title>
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          <QuotaField
            label={t('admin:users.quotaDaily')}
            text={daily}
            fallback={defaults?.default_user_daily_quota}
            error={fault('daily')}
            onChange={setDaily}
          />
          <QuotaField
            label={t('admin:users.quotaMonthly')}
            text={monthly}
            fallback={defaults?.default_user_monthly_quota}
            error={fault('monthly')}
            onChange={setMonthly}
          />
        </SimpleGrid>
        <Group justify="flex-end">
          <Button type="submit" size="xs" disabled={!changed || !sound} loading={write.isPending}>
            {t('admin:users.quotaSave')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface QuotaFieldProps {
  readonly label: string;
  /** null: the site's default. */
  readonly text: string | null;
  readonly fallback: number | undefined;
  readonly error: string | null;
  readonly onChange: (text: string | null) => void;
}

function QuotaField({ label, text, fallback, error, onChange }: QuotaFieldProps) {
  const t = useT('admin');
  const format = useFormat();
  const said = fallback === undefined ? t('admin:users.quotaDefault') : t('admin:users.quotaDefaultIs', { value: format.number(fallback) });
  return (
    <Stack gap={6}>
      <NumberField
        label={label}
        placeholder={said}
        text={text ?? ''}
        rule={rule}
        disabled={text === null}
        error={error}
        onChange={onChange}
      />
      <Switch
        size="xs"
        label={said}
        aria-label={`${label}: ${said}`}
        checked={text === null}
        onChange={({ currentTarget }) => onChange(currentTarget.checked ? null : String(fallback ?? 0))}
      />
    </Stack>
  );
}
