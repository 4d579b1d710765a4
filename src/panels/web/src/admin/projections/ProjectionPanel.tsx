/** One read model: its version, parked events, where it stands in each partition, and the rebuild with its progress. */
import { Anchor, Button, Group, Progress, Stack, Table, Text } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { Panel } from '../../components/Panel';
import { StatusBadge } from '../../components/StatusBadge';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { Projection, RebuildProgress } from './types';

export interface ProjectionPanelProps {
  readonly item: Projection;
  readonly rebuilding: boolean;
  /** Another one is being rebuilt from here. */
  readonly busy: boolean;
  readonly onRebuild: () => void;
}

export function ProjectionPanel({ item, rebuilding, busy, onRebuild }: ProjectionPanelProps) {
  const t = useT('admin');
  return (
    <Panel
      title={item.name}
      actions={
        <Group gap="xs">
          <Text size="sm" c="dimmed">
            {t('admin:projections.version', { version: item.version })}
          </Text>
          {item.parked > 0 && (
            <Anchor
              size="sm"
              renderRoot={(props) => <Link to="/admin/parked-events" search={{ projection: item.name } as never} {...props} />}
            >
              {t('admin:projections.parked', { count: item.parked })}
            </Anchor>
          )}
          <Button
            size="xs"
            variant="default"
            leftSection={<IconRefresh size={14} />}
            disabled={busy || rebuilding}
            aria-label={t('admin:projections.rebuildOf', { name: item.name })}
            onClick={onRebuild}
          >
            {t('admin:projections.rebuild')}
          </Button>
        </Group>
      }
    >
      {rebuilding && <Rebuilding name={item.name} progress={item.rebuild ?? null} />}
      <Partitions item={item} />
    </Panel>
  );
}

function Rebuilding({ name, progress }: { readonly name: string; readonly progress: RebuildProgress | null }) {
  const t = useT('admin');
  const format = useFormat();
  const known = progress !== null && progress.total > 0;
  return (
    <Stack gap={4} role="status">
      <Group justify="space-between" gap="xs">
        <Text size="sm">{t('admin:projections.rebuilding', { name })}</Text>
        {known && (
          <Text size="sm" className="kg-numeric">
            {t('admin:projections.progress', { done: format.number(progress.done), total: format.number(progress.total) })}
            {progress.eventsPerSecond > 0 && ` · ${t('admin:projections.rate', { rate: format.compact(progress.eventsPerSecond) })}`}
            {progress.remainingMs !== null && ` · ${t('admin:projections.eta', { time: format.duration(progress.remainingMs) })}`}
          </Text>
        )}
      </Group>
      <Progress
        value={known ? Math.min(100, (progress.done / progress.total) * 100) : 100}
        striped={!known}
        animated={!known}
        aria-label={t('admin:projections.progressOf', { name })}
      />
    </Stack>
  );
}

function Partitions({ item }: { readonly item: Projection }) {
  const t = useT('admin');
  const format = useFormat();
  return (
    <Table.ScrollContainer
      minWidth={420}
      type="native"
      tabIndex={0}
      role="region"
      aria-label={t('admin:projections.partitions', { name: item.name })}
    >
      <Table className="kg-table" verticalSpacing={4} aria-label={t('admin:projections.partitions', { name: item.name })}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('admin:common.partition')}</Table.Th>
            <Table.Th ta="right">{t('admin:common.position')}</Table.Th>
            <Table.Th ta="right">{t('admin:overview.head')}</Table.Th>
            <Table.Th ta="right">{t('admin:projections.lagEvents')}</Table.Th>
            <Table.Th ta="right">{t('admin:projections.lagMs')}</Table.Th>
            <Table.Th>{t('admin:common.status')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {item.partitions.map(({ partition, position, head, lagEvents, lagMs, status }) => (
            <Table.Tr key={partition} className="kg-numeric">
              <Table.Td>{partition}</Table.Td>
              <Table.Td ta="right">{format.number(position)}</Table.Td>
              <Table.Td ta="right">{format.number(head)}</Table.Td>
              <Table.Td ta="right">{format.number(lagEvents)}</Table.Td>
              <Table.Td ta="right">{format.duration(lagMs)}</Table.Td>
              <Table.Td>
                <StatusBadge
                  tone={status === 'live' ? 'good' : 'warn'}
                  label={status === 'live' ? t('admin:projections.live') : t('admin:projections.behind')}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
