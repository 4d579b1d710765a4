/** How far the slowest read model is behind, per partition. */
import { Table, Text } from '@mantine/core';
import { Panel } from '../../components/Panel';
import { StatusBadge } from '../../components/StatusBadge';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { Lag } from './types';

export function LagPanel({ partitions }: { readonly partitions: readonly Lag[] }) {
  const t = useT('admin');
  const format = useFormat();
  return (
    <Panel title={t('admin:overview.lag')}>
      <Text size="sm" c="dimmed">
        {partitions.length === 0 ? t('admin:overview.noPartitions') : t('admin:overview.lagHint')}
      </Text>
      {partitions.length > 0 && (
        <Table.ScrollContainer minWidth={380} type="native" tabIndex={0} role="region" aria-label={t('admin:overview.lag')}>
          <Table className="kg-table" verticalSpacing={4} aria-label={t('admin:overview.lag')}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('admin:common.partition')}</Table.Th>
                <Table.Th ta="right">{t('admin:overview.lagEvents')}</Table.Th>
                <Table.Th ta="right">{t('admin:overview.lagTime')}</Table.Th>
                <Table.Th>{t('admin:common.status')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {partitions.map(({ partition, lagEvents, lagMs }) => (
                <Table.Tr key={partition} className="kg-numeric">
                  <Table.Td>{partition}</Table.Td>
                  <Table.Td ta="right">{format.number(lagEvents)}</Table.Td>
                  <Table.Td ta="right">{format.duration(lagMs)}</Table.Td>
                  <Table.Td>
                    <StatusBadge
                      tone={lagEvents === 0 ? 'good' : 'warn'}
                      label={lagEvents === 0 ? t('admin:overview.live') : t('admin:overview.behind')}
                    />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Panel>
  );
}
