/** Single values in the reader's language: a time, a number, how much of a limit is used, a risk. */
import { Box, Group, Progress, Stack, Text, Tooltip } from '@mantine/core';
import { useT } from '../i18n';
import { useFormat } from '../i18n/format';

/** "3 minutes ago", with the exact time on hover and focus; `exact` turns the two round. */
export function TimeText({ at, exact, never }: { readonly at: string | null; readonly exact?: boolean; readonly never?: string }) {
  const format = useFormat();
  if (at === null)
    return (
      <Text span size="sm" c="dimmed">
        {never ?? '–'}
      </Text>
    );
  const [shown, hidden] = exact ? [format.dateTime(at), format.relative(at)] : [format.relative(at), format.dateTime(at)];
  return (
    <time dateTime={at} title={hidden} {...(!exact && { className: 'kg-nowrap' })}>
      {shown}
    </time>
  );
}

export function NumberText({ value, unit }: { readonly value: number | null; readonly unit?: 'percent' | 'ms' | 'compact' }) {
  const format = useFormat();
  if (value === null) return <span>–</span>;
  const text = { percent: format.percent, ms: format.duration, compact: format.compact, number: format.number }[unit ?? 'number'](value);
  return <span className="kg-numeric">{text}</span>;
}

/** A share of what there was; where there was nothing, no share is told. */
export function RateText({ value, of }: { readonly value: number; readonly of: number }) {
  return <NumberText value={of === 0 ? null : value} unit="percent" />;
}

/** "3/10" over a bar that warns from 80 %. */
export function UsedLimit({ used, limit, label }: { readonly used: number; readonly limit: number; readonly label: string }) {
  const t = useT();
  const format = useFormat();
  const share = limit > 0 ? Math.min(100, (used / limit) * 100) : used > 0 ? 100 : 0;
  const color = share >= 100 ? 'red' : share >= 80 ? 'yellow' : 'brand';
  return (
    <Stack gap={2} miw={64}>
      <Text size="xs" className="kg-numeric">
        {format.number(used)}/{format.number(limit)}
      </Text>
      <Progress.Root size="sm">
        <Progress.Section
          value={share}
          color={color}
          aria-label={label}
          aria-valuetext={t('common:usedOf', { used: format.number(used), limit: format.number(limit) })}
        />
      </Progress.Root>
    </Stack>
  );
}

/** 0–1; high risk is said, not only coloured. */
export function RiskText({ score, high }: { readonly score: number; readonly high: boolean }) {
  const t = useT();
  const format = useFormat();
  return (
    <Tooltip label={high ? t('common:risk.high') : t('common:risk.normal')}>
      <Group gap={6} wrap="nowrap" component="span">
        <Box component="span" w={8} h={8} bdrs="xl" bg={high ? 'red' : score > 0.4 ? 'yellow' : 'teal'} aria-hidden />
        <Text
          span
          size="sm"
          className="kg-numeric"
          {...(high && { c: 'light-dark(var(--mantine-color-red-9), var(--mantine-color-red-3))', fw: 700 })}
        >
          {format.percent(score)}
          {high && ` · ${t('common:risk.highShort')}`}
        </Text>
      </Group>
    </Tooltip>
  );
}
