/** The quotas of one member: a figure of their own, or the site's default. */
import { Button, Group, NumberInput, SimpleGrid, Stack, Switch, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useGet, useWrite } from '../../api/queries';
import { useT } from '../../i18n';
import { useErrorText } from '../../i18n/errorText';
import { useFormat } from '../../i18n/format';
import { type User, usersPath } from './types';

interface Defaults {
  readonly default_user_daily_quota: number;
  readonly default_user_monthly_quota: number;
}

const most = 1_000_000_000;

export function QuotaForm({ user }: { readonly user: Pick<User, 'id' | 'quotaDaily' | 'quotaMonthly'> }) {
  const t = useT('admin');
  const errorText = useErrorText();
  const defaults = useGet<Defaults>('/admin/api/config').data;
  const [daily, setDaily] = useState<number | null>(user.quotaDaily);
  const [monthly, setMonthly] = useState<number | null>(user.quotaMonthly);
  const write = useWrite({ refreshes: [usersPath], quiet: true, done: t('admin:users.quotaSaved') });
  const changed = daily !== user.quotaDaily || monthly !== user.quotaMonthly;
  const save = (event: FormEvent): void => {
    event.preventDefault();
    write.mutate({ method: 'PUT', path: `${usersPath}/${user.id}/quota`, body: { daily, monthly } });
  };
  const fault = (param: string): string | null => (write.error && write.error.param === param ? errorText(write.error) : null);
  return (
    <form onSubmit={save}>
      <Stack gap="sm">
        <Title order={3}>{t('admin:users.quota')}</Title>
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          <QuotaField
            label={t('admin:users.quotaDaily')}
            value={daily}
            fallback={defaults?.default_user_daily_quota}
            error={fault('daily')}
            onChange={setDaily}
          />
          <QuotaField
            label={t('admin:users.quotaMonthly')}
            value={monthly}
            fallback={defaults?.default_user_monthly_quota}
            error={fault('monthly')}
            onChange={setMonthly}
          />
        </SimpleGrid>
        <Group justify="flex-end">
          <Button type="submit" size="xs" disabled={!changed} loading={write.isPending}>
            {t('admin:users.quotaSave')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface QuotaFieldProps {
  readonly label: string;
  readonly value: number | null;
  readonly fallback: number | undefined;
  readonly error: string | null;
  readonly onChange: (value: number | null) => void;
}

function QuotaField({ label, value, fallback, error, onChange }: QuotaFieldProps) {
  const t = useT('admin');
  const format = useFormat();
  const said = fallback === undefined ? t('admin:users.quotaDefault') : t('admin:users.quotaDefaultIs', { value: format.number(fallback) });
  return (
    <Stack gap={6}>
      <NumberInput
        label={label}
        value={value ?? ''}
        placeholder={said}
        min={0}
        max={most}
        allowDecimal={false}
        disabled={value === null}
        error={error}
        thousandSeparator=","
        onChange={(next) => onChange(typeof next === 'number' ? next : 0)}
      />
      <Switch
        size="xs"
        label={said}
        aria-label={`${label}: ${said}`}
        checked={value === null}
        onChange={({ currentTarget }) => onChange(currentTarget.checked ? null : (fallback ?? 0))}
      />
    </Stack>
  );
}
