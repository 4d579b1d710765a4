/** Requests and latencies over time. */
import { SimpleGrid, Skeleton, Text } from '@mantine/core';
import { useGet } from '../../api/queries';
import { Panel } from '../../components/Panel';
import { Failed } from '../../components/states';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { LazyChart } from '../shared/LazyChart';
import type { TimeSeries } from '../shared/TimeChart';
import { type MetricsWindow, metricsPath } from './types';

interface Point {
  readonly at: string;
  readonly requests: number;
  readonly failed: number;
  readonly p50: number | null;
  readonly p95: number | null;
}

/** The span whose curve goes with a window. */
const spans = { '1m': '1h', '1h': '1h', '24h': '24h', all: '7d' } as const satisfies Readonly<Record<MetricsWindow, string>>;
const height = 220;

export function Series({ window }: { readonly window: MetricsWindow }) {
  const t = useT('admin');
  const span = spans[window];
  const series = useGet<{ points: readonly Point[] }>(`${metricsPath}/series`, { window: span });
  const requests: readonly TimeSeries[] = [
    { name: 'requests', label: t('admin:metrics.seriesRequests'), color: 'brand.5' },
    { name: 'failed', label: t('admin:metrics.seriesErrors'), color: 'red.6' },
  ];
  const latency: readonly TimeSeries[] = [
    { name: 'p50', label: t('admin:metrics.p50'), color: 'teal.6' },
    { name: 'p95', label: t('admin:metrics.p95'), color: 'orange.6' },
  ];
  const points = series.data?.points;
  if (series.error && points === undefined) return <Failed error={series.error} retry={() => void series.refetch()} />;
  const title = ` · ${t(`admin:metrics.spans.${span}`)}`;
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <Curve title={t('admin:metrics.series') + title} points={points} series={requests} unit="number" />
      <Curve title={t('admin:metrics.seriesLatency') + title} points={points} series={latency} unit="duration" />
    </SimpleGrid>
  );
}

interface CurveProps {
  readonly title: string;
  readonly points: readonly Point[] | undefined;
  readonly series: readonly TimeSeries[];
  readonly unit: 'number' | 'duration';
}

function Curve({ title, points, series, unit }: CurveProps) {
  const t = useT('admin');
  const format = useFormat();
  return (
    <Panel title={title}>
      {points === undefined ? (
        <Skeleton height={height} />
      ) : points.every(({ requests }) => requests === 0) ? (
        <Text size="sm" c="dimmed">
          {t('admin:metrics.none')}
        </Text>
      ) : (
        <LazyChart
          label={t('admin:metrics.seriesChart', { name: title, points: points.length })}
          points={points.map((point) => ({ ...point }))}
          series={series}
          height={height}
          show={format[unit]}
        />
      )}
    </Panel>
  );
}
