/** What the cluster serves right now: totals, latencies, and how they part by model, status, endpoint and error. */
import { SegmentedControl, SimpleGrid, Stack } from '@mantine/core';
import { useLive, useSoon } from '../../api/live';
import { useGet, useRefresh } from '../../api/queries';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Stat } from '../../components/Stat';
import { Failed, Shown } from '../../components/states';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { eventStreamPath, requestEvents } from '../shared/eventTypes';
import { useFilters } from '../shared/useFilters';
import { Breakdown } from './Breakdown';
import { ModelTokens } from './ModelTokens';
import { Series } from './Series';
import { type Metrics, type MetricsWindow, metricsPath, windows } from './types';

const names = ['window'] as const;
/** A short window moves on by itself, without any event. */
const refetchMs: Readonly<Record<MetricsWindow, number>> = { '1m': 5_000, '1h': 15_000, '24h': 60_000, all: 60_000 };

export function Page() {
  const t = useT('admin');
  const { values, set } = useFilters(names);
  const window = windows.find((one) => one === values.window) ?? '1h';
  const metrics = useGet<Metrics>(metricsPath, { window }, { refetchInterval: refetchMs[window] });
  const refresh = useRefresh();
  const soon = useSoon(() => refresh([metricsPath]), 1_000);
  const live = useLive(eventStreamPath, requestEvents, soon);
  return (
    <>
      <PageHeader title={t('admin:metrics.title')} description={t('admin:metrics.lead')}>
        <LiveBadge state={live} />
        <SegmentedControl
          aria-label={t('admin:metrics.window')}
          value={window}
          data={windows.map((value) => ({ value, label: t(`admin:metrics.windows.${value}`) }))}
          onChange={(value) => set({ window: value === '1h' ? '' : value })}
        />
      </PageHeader>
      <Stack gap="md">
        {metrics.error && metrics.data === undefined ? (
          <Failed error={metrics.error} retry={() => void metrics.refetch()} />
        ) : (
          <Tiles metrics={metrics.data} />
        )}
        <Series window={window} />
        <Shown query={metrics}>{(data) => <Parts metrics={data} />}</Shown>
      </Stack>
    </>
  );
}

function Tiles({ metrics }: { readonly metrics: Metrics | undefined }) {
  const t = useT('admin');
  const format = useFormat();
  const ms = (value: number | null | undefined): string | undefined =>
    metrics === undefined ? undefined : value == null ? '–' : format.duration(value);
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="sm">
      <Stat label={t('admin:metrics.total')} value={metrics && format.number(metrics.totalRequests)} />
      <Stat label={t('admin:metrics.successRate')} value={metrics && format.percent(metrics.successRate)} />
      <Stat label={t('admin:metrics.avg')} value={ms(metrics?.latencyMs.avg)} />
      <Stat label={t('admin:metrics.p50')} value={ms(metrics?.latencyMs.p50)} />
      <Stat label={t('admin:metrics.p95')} value={ms(metrics?.latencyMs.p95)} />
      <Stat label={t('admin:metrics.p99')} value={ms(metrics?.latencyMs.p99)} />
    </SimpleGrid>
  );
}

function Parts({ metrics }: { readonly metrics: Metrics }) {
  const t = useT('admin');
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <Breakdown title={t('admin:metrics.byModel')} counts={metrics.byModel} total={metrics.totalRequests} />
      <ModelTokens tokens={metrics.modelTokens} />
      <Breakdown title={t('admin:metrics.byStatus')} counts={metrics.byStatus} total={metrics.totalRequests} />
      <Breakdown title={t('admin:metrics.byEndpoint')} counts={metrics.byEndpoint} total={metrics.totalRequests} />
      <Breakdown title={t('admin:metrics.byErrorType')} counts={metrics.byErrorType} total={metrics.totalRequests} tone="bad" />
    </SimpleGrid>
  );
}
