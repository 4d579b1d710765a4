/** The risk of one token over the last 24 hours, as the API remembers it. */
import { Skeleton, Stack, Text, Title } from '@mantine/core';
import { useGet } from '../../api/queries';
import { Failed } from '../../components/states';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { LazyChart } from '../shared/LazyChart';
import { tokensPath } from './types';

interface RiskPoint {
  readonly at: string;
  readonly riskScore: number;
}
type Answer = { readonly series: readonly { readonly tokenId: string; readonly points: readonly RiskPoint[] }[] };

const height = 200;

export interface RiskTrendProps {
  readonly tokenId: string;
  /** Risk above it is high; drawn where the API tells it. */
  readonly threshold: number | undefined;
}

export function RiskTrend({ tokenId, threshold }: RiskTrendProps) {
  const t = useT('admin');
  const history = useGet<Answer>(`${tokensPath}/risk-history`, { hours: 24, tokenId });
  const points = history.data?.series.find((one) => one.tokenId === tokenId)?.points ?? [];
  return (
    <Stack gap="xs">
      <Title order={3}>{t('admin:tokens.detail.riskTrend')}</Title>
      {history.error ? (
        <Failed error={history.error} retry={() => void history.refetch()} />
      ) : history.isPending ? (
        <Skeleton height={height} />
      ) : points.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t('admin:tokens.detail.riskEmpty')}
        </Text>
      ) : (
        <Chart points={points} threshold={threshold} />
      )}
    </Stack>
  );
}

function Chart({ points, threshold }: { readonly points: readonly RiskPoint[]; readonly threshold: number | undefined }) {
  const t = useT('admin');
  const format = useFormat();
  const [first, last] = [points[0]?.riskScore ?? 0, points.at(-1)?.riskScore ?? 0];
  return (
    <LazyChart
      label={t('admin:tokens.detail.riskChart', { first: format.percent(first), last: format.percent(last) })}
      points={points.map(({ at, riskScore }) => ({ at, riskScore }))}
      series={[{ name: 'riskScore', label: t('admin:tokens.risk'), color: 'brand.5' }]}
      height={height}
      show={format.percent}
      most={1}
      {...(threshold !== undefined && { line: { at: threshold, label: t('admin:tokens.detail.threshold') } })}
    />
  );
}
