/** Everything the member may know of one request. */
import { Code, Modal, Stack, Table, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { CopyText } from '../../components/CopyOnce';
import { StatusBadge } from '../../components/StatusBadge';
import { NumberText, TimeText } from '../../components/values';
import { useT } from '../../i18n';
import type { Activity } from '../types';
import { outcomeTones } from './outcomes';

export function ActivityDetails({ item, onClose }: { readonly item: Activity; readonly onClose: () => void }) {
  const t = useT('member');
  const { usage } = item;
  const rows: readonly (readonly [string, ReactNode])[] = [
    [
      t('member:activity.outcome'),
      <StatusBadge key="outcome" tone={outcomeTones[item.outcome]} label={t(`member:activity.outcomes.${item.outcome}`)} />,
    ],
    [t('member:activity.status'), item.status],
    ...(item.code === null ? [] : [[t('member:activity.code'), <Code key="code">{item.code}</Code>] as const]),
    ...(item.message === null ? [] : [[t('member:activity.message'), item.message] as const]),
    ...(item.count > 1 ? [[t('member:activity.count'), <NumberText key="count" value={item.count} />] as const] : []),
    [t('member:activity.model'), item.model],
    [t('member:activity.endpoint'), <Code key="endpoint">{item.endpoint}</Code>],
    [t('member:activity.stream'), item.stream ? t('member:yes') : t('member:no')],
    [t('member:activity.started'), <TimeText key="started" at={item.startedAt} exact />],
    [t('member:activity.at'), <TimeText key="at" at={item.at} exact />],
    [t('member:activity.latency'), <NumberText key="latency" value={item.latencyMs} unit="ms" />],
    [t('member:activity.firstOutput'), <NumberText key="first" value={item.firstOutputMs} unit="ms" />],
    [t('member:activity.charged'), item.charged ? t('member:yes') : t('member:no')],
    ...(usage === null
      ? []
      : ([
          [t('member:activity.input'), <NumberText key="in" value={usage.inputTokens} />],
          [t('member:activity.output'), <NumberText key="out" value={usage.outputTokens} />],
          [t('member:activity.cacheRead'), <NumberText key="read" value={usage.cacheReadTokens} />],
          [t('member:activity.cacheWrite'), <NumberText key="write" value={usage.cacheWriteTokens} />],
          [t('member:activity.counted'), usage.estimated ? t('member:activity.estimated') : t('member:activity.metered')],
        ] as const)),
  ];
  return (
    <Modal opened onClose={onClose} title={t('member:activity.detailsTitle')} size="lg">
      <Stack>
        <Table layout="auto">
          <Table.Tbody>
            {rows.map(([name, value]) => (
              <Table.Tr key={name}>
                <Table.Th scope="row" fw={500} w="40%">
                  {name}
                </Table.Th>
                <Table.Td className="kg-wrap">{value}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        <Text size="sm" fw={600}>
          {t('member:activity.requestId')}
        </Text>
        <CopyText text={item.requestId} label={t('member:activity.requestId')} />
      </Stack>
    </Modal>
  );
}
