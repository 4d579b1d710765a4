/** The nodes: health, leader, since when, connections, requests of the last minute. */
import { Badge, Group, Text, Tooltip } from '@mantine/core';
import { IconCrown } from '@tabler/icons-react';
import { type Column, DataTable } from '../../components/DataTable';
import { Panel } from '../../components/Panel';
import { StatusBadge } from '../../components/StatusBadge';
import { Empty } from '../../components/states';
import { NumberText, TimeText } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import type { ClusterNode } from './types';

export function NodesPanel({ nodes }: { readonly nodes: readonly ClusterNode[] }) {
  const t = useT('admin');
  return (
    <Panel title={t('admin:overview.nodes')}>
      <DataTable
        label={t('admin:overview.nodes')}
        columns={columns(t)}
        list={{ items: nodes, isPending: false, error: null }}
        rowKey={({ id }) => id}
        tone={({ healthy }) => (healthy ? undefined : 'danger')}
        empty={<Empty title={t('admin:overview.noNodes')} />}
      />
    </Panel>
  );
}

function columns(t: Translate): readonly Column<ClusterNode>[] {
  return [
    {
      key: 'id',
      header: t('admin:overview.node'),
      primary: true,
      width: 160,
      cell: ({ id, leader }) => (
        <Group gap={8}>
          <Text size="sm" fw={600} className="kg-wrap">
            {id}
          </Text>
          {leader && (
            <Tooltip label={t('admin:overview.leaderHint')}>
              <Badge variant="default" tt="none" radius="sm" tabIndex={0} leftSection={<IconCrown size={12} aria-hidden />}>
                {t('admin:overview.leader')}
              </Badge>
            </Tooltip>
          )}
        </Group>
      ),
    },
    {
      key: 'health',
      header: t('admin:overview.health'),
      cell: ({ healthy }) => (
        <StatusBadge tone={healthy ? 'good' : 'bad'} label={healthy ? t('admin:overview.healthy') : t('admin:overview.unhealthy')} />
      ),
    },
    { key: 'since', header: t('admin:overview.since'), cell: ({ startedAt }) => <TimeText at={startedAt} /> },
    {
      key: 'connections',
      header: t('admin:overview.connections'),
      align: 'right',
      cell: ({ connections }) => <NumberText value={connections} />,
    },
    {
      key: 'requests',
      header: t('admin:overview.requestsPerMinute'),
      align: 'right',
      cell: ({ requestsLastMinute }) => <NumberText value={requestsLastMinute} />,
    },
  ];
}
