/** The cluster at a glance: nodes, stores, lag, and what happened to them. */
import { SimpleGrid, Stack } from '@mantine/core';
import { useLive, useSoon } from '../../api/live';
import { useGet, useRefresh } from '../../api/queries';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Stat } from '../../components/Stat';
import { Shown } from '../../components/states';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { type Metrics, metricsPath } from '../metrics/types';
import { clusterEvents, eventStreamPath, requestEvents } from '../shared/eventTypes';
import { History } from './History';
import { LagPanel } from './LagPanel';
import { NodesPanel } from './NodesPanel';
import { StoresPanel } from './StoresPanel';
import { type Cluster, clusterPath } from './types';

const watched = [...clusterEvents, ...requestEvents];
/** Life signs and connections are no events. */
const refetchMs = 5_000;

export function Page() {
  const t = useT('admin');
  const cluster = useGet<Cluster>(clusterPath, {}, { refetchInterval: refetchMs });
  const refresh = useRefresh();
  const soon = useSoon(() => refresh([clusterPath, metricsPath]), 1_000);
  const live = useLive(eventStreamPath, watched, soon);
  return (
    <>
      <PageHeader title={t('admin:overview.title')} description={t('admin:overview.lead')}>
        <LiveBadge state={live} />
      </PageHeader>
      <Stack gap="md">
        <Tiles cluster={cluster.data} />
        <Shown query={cluster} rows={8}>
          {(data) => (
            <>
              <NodesPanel nodes={data.nodes} />
              <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
                <Stack gap="md">
                  {data.stores && <StoresPanel stores={data.stores} />}
                  {data.partitions && <LagPanel partitions={data.partitions} />}
                </Stack>
                <History />
              </SimpleGrid>
            </>
          )}
        </Shown>
      </Stack>
    </>
  );
}

function Tiles({ cluster }: { readonly cluster: Cluster | undefined }) {
  const t = useT('admin');
  const format = useFormat();
  const minute = useGet<Metrics>(metricsPath, { window: '1m' }, { refetchInterval: refetchMs }).data;
  const healthy = cluster?.nodes.filter((node) => node.healthy).length ?? 0;
  const p95 = minute?.latencyMs.p95;
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} spacing="sm">
      <Stat
        label={t('admin:overview.nodesHealthy')}
        value={cluster && t('admin:overview.nodesOf', { healthy: format.number(healthy), total: format.number(cluster.nodes.length) })}
      />
      <Stat label={t('admin:overview.requests')} value={minute && format.number(minute.totalRequests)} />
      <Stat label={t('admin:overview.successRate')} value={minute && format.percent(minute.successRate)} />
      <Stat label={t('admin:overview.p95')} value={minute && (p95 == null ? '–' : format.duration(p95))} />
    </SimpleGrid>
  );
}
