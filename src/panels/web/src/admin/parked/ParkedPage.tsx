/** Events that a read model could not take: try again, or give up with a reason. */
import { Button, Group, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useLive, useSoon } from '../../api/live';
import { useGet, useList, useRefresh, useWrite } from '../../api/queries';
import { type Column, DataTable } from '../../components/DataTable';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Empty } from '../../components/states';
import { TimeText } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { eventStreamPath, projectionEvents } from '../shared/eventTypes';
import { FilterBar, SelectFilter } from '../shared/FilterBar';
import { IdText } from '../shared/IdText';
import { TypeText } from '../shared/TypeText';
import { useFilters } from '../shared/useFilters';
import { DiscardModal } from './DiscardModal';
import { type Parked, parkedPath, states } from './types';

const names = ['projection', 'state'] as const;
const refreshes = [parkedPath, '/admin/api/projections'];

export function Page() {
  const t = useT('admin');
  const { values, set, clear, active } = useFilters(names);
  const list = useList<Parked>(parkedPath, { ...values });
  const projections = useGet<{ items: readonly { name: string }[] }>('/admin/api/projections').data?.items ?? [];
  const [discarding, setDiscarding] = useState<Parked | null>(null);
  const refresh = useRefresh();
  const soon = useSoon(() => refresh(refreshes));
  const live = useLive(eventStreamPath, projectionEvents, soon);
  const retry = useWrite<Parked>({ refreshes });
  const onRetry = ({ id }: Parked): void =>
    retry.mutate(
      { method: 'POST', path: `${parkedPath}/${id}/retry` },
      {
        onSuccess: ({ state, error }) =>
          notifications.show(
            state === 'retried'
              ? { color: 'green', message: t('admin:parked.retried') }
              : { color: 'red', message: t('admin:parked.stays', { error }) },
          ),
      },
    );
  return (
    <>
      <PageHeader title={t('admin:parked.title')} description={t('admin:parked.lead')}>
        <LiveBadge state={live} />
      </PageHeader>
      <FilterBar active={active} onClear={clear}>
        <SelectFilter
          label={t('admin:parked.projection')}
          value={values.projection}
          choices={projections.map(({ name }) => ({ value: name, label: name }))}
          onChange={(projection) => set({ projection })}
        />
        <SelectFilter
          label={t('admin:parked.state')}
          value={values.state}
          all={t('admin:parked.states.parked')}
          choices={states.slice(1).map((value) => ({ value, label: t(`admin:parked.states.${value}`) }))}
          onChange={(state) => set({ state })}
        />
      </FilterBar>
      <DataTable
        label={t('admin:parked.title')}
        columns={columns(t, { retry: onRetry, discard: setDiscarding })}
        list={list}
        rowKey={({ id }) => id}
        empty={
          active ? (
            <Empty title={t('admin:parked.emptyFiltered')} />
          ) : (
            <Empty title={t('admin:parked.empty')} hint={t('admin:parked.emptyHint')} />
          )
        }
      />
      {discarding !== null && <DiscardModal item={discarding} refreshes={refreshes} onClose={() => setDiscarding(null)} />}
    </>
  );
}

interface Acts {
  readonly retry: (item: Parked) => void;
  readonly discard: (item: Parked) => void;
}

function columns(t: Translate, acts: Acts): readonly Column<Parked>[] {
  return [
    {
      key: 'event',
      header: t('admin:common.type'),
      primary: true,
      width: 180,
      cell: ({ type, eventId }) => (
        <Stack gap={0}>
          <TypeText type={type} />
          <IdText id={eventId} />
        </Stack>
      ),
    },
    { key: 'projection', header: t('admin:parked.projection'), cell: ({ projection }) => projection },
    { key: 'subject', header: t('admin:common.subject'), cell: ({ subject }) => <span className="kg-wrap">{subject}</span> },
    { key: 'where', header: t('admin:common.position'), cell: ({ partition, position }) => `${partition} · ${position}` },
    {
      key: 'error',
      header: t('admin:parked.error'),
      width: 200,
      cell: ({ reason, error }) => (
        <Stack gap={0}>
          <Text size="xs" c="dimmed">
            {reason}
          </Text>
          <Text size="sm" className="kg-wrap" lineClamp={4}>
            {error}
          </Text>
        </Stack>
      ),
    },
    { key: 'at', header: t('admin:common.time'), cell: ({ at }) => <TimeText at={at} /> },
    {
      key: 'act',
      header: t('admin:common.actions'),
      align: 'right',
      cell: (item) =>
        item.state === 'parked' ? (
          <Group gap={4} wrap="nowrap" justify="flex-end">
            <Button size="compact-sm" aria-label={t('admin:parked.retryOf', { id: item.eventId })} onClick={() => acts.retry(item)}>
              {t('admin:parked.retry')}
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              aria-label={t('admin:parked.discardOf', { id: item.eventId })}
              onClick={() => acts.discard(item)}
            >
              {t('admin:parked.discard')}
            </Button>
          </Group>
        ) : (
          t(`admin:parked.states.${item.state}`)
        ),
    },
  ];
}
