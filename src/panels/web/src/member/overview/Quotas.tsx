/** How much of the day's and the month's quota is used, and when each starts anew. */
import { Group, Progress, Stack, Text } from '@mantine/core';
import { useGet } from '../../api/queries';
import { Panel } from '../../components/Panel';
import { Shown } from '../../components/states';
import { TimeText } from '../../components/values';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { Quota } from '../types';

export function Quotas() {
  const t = useT('member');
  const quota = useGet<{ daily: Quota; monthly: Quota }>('/user/api/quota');
  return (
    <Panel title={t('member:quota.title')}>
      <Shown query={quota} rows={2}>
        {({ daily, monthly }) => (
          <Stack gap="lg">
            <QuotaBar name={t('member:quota.daily')} quota={daily} />
            <QuotaBar name={t('member:quota.monthly')} quota={monthly} />
          </Stack>
        )}
      </Shown>
    </Panel>
  );
}

function QuotaBar({ name, quota }: { readonly name: string; readonly quota: Quota }) {
  const t = useT('member');
  const format = useFormat();
  const { used, limit, remaining, resetAt } = quota;
  const share = limit > 0 ? Math.min(100, (used / limit) * 100) : 100;
  const color = share >= 100 ? 'red' : share >= 80 ? 'yellow' : 'brand';
  const says = t('member:quota.used', { used: format.number(used), limit: format.number(limit) });
  return (
    <Stack gap={6}>
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={600}>
          {name}
        </Text>
        <Text size="sm" className="kg-numeric">
          {says}
        </Text>
      </Group>
      <Progress.Root size="lg">
        <Progress.Section value={share} color={color} aria-label={name} aria-valuetext={says} />
      </Progress.Root>
      <Group justify="space-between" gap="xs">
        <Text size="xs" c="dimmed" className="kg-numeric">
          {t('member:quota.remaining', { remaining: format.number(remaining) })}
        </Text>
        <Text size="xs" c="dimmed" component="div">
          {t('member:quota.resets')} <TimeText at={resetAt} exact /> ({format.relative(resetAt)})
        </Text>
      </Group>
    </Stack>
  );
}
