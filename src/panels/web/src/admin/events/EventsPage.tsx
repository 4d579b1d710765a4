/** The event archive: browsed with filters, or followed live; each event as CloudEvents JSON. */
import { Button, SegmentedControl, Stack } from '@mantine/core';
import { IconEraser } from '@tabler/icons-react';
import { useCallback, useState } from 'react';
import type { FeedEvent } from '../../api/eventFeed';
import { useLive } from '../../api/live';
import { useList } from '../../api/queries';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Empty } from '../../components/states';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { allNames, eventStreamPath } from '../shared/eventTypes';
import { FilterBar, SelectFilter, TextFilter, TimeFilter } from '../shared/FilterBar';
import { typeLabel } from '../shared/TypeText';
import { useFilters } from '../shared/useFilters';
import { type CloudEvent, EventTable } from './EventTable';
import { fits } from './fits';

const names = ['mode', 'types', 'subject', 'correlationId', 'from', 'to'] as const;
const filterNames = ['types', 'subject', 'correlationId', 'from', 'to'] as const;

export function Page() {
  const t = useT('admin');
  const { values, set } = useFilters(names);
  const tailing = values.mode === 'tail';
  const active = filterNames.some((name) => values[name] !== '' && (!tailing || (name !== 'from' && name !== 'to')));
  const field = (name: (typeof names)[number]) => ({ value: values[name], onChange: (value: string) => set({ [name]: value }) });
  return (
    <>
      <PageHeader title={t('admin:events.title')} description={t('admin:events.lead')}>
        <SegmentedControl
          aria-label={t('admin:events.mode')}
          value={tailing ? 'tail' : 'browse'}
          data={[
            { value: 'browse', label: t('admin:events.browse') },
            { value: 'tail', label: t('admin:events.tail') },
          ]}
          onChange={(mode) => set({ mode: mode === 'tail' ? mode : '' })}
        />
      </PageHeader>
      <FilterBar active={active} onClear={() => set({ types: '', subject: '', correlationId: '', from: '', to: '' })}>
        <SelectFilter
          label={t('admin:events.type')}
          choices={allNames.map((value) => ({ value, label: typeLabel(t, value) }))}
          {...field('types')}
        />
        <TextFilter label={t('admin:events.subject')} hint={t('admin:events.subjectHint')} {...field('subject')} />
        <TextFilter label={t('admin:events.correlationId')} {...field('correlationId')} />
        {!tailing && <TimeFilter label={t('admin:common.from')} {...field('from')} />}
        {!tailing && <TimeFilter label={t('admin:common.to')} {...field('to')} />}
      </FilterBar>
      {tailing ? (
        <Tail key={`${values.types} ${values.subject} ${values.correlationId}`} filters={values} />
      ) : (
        <Browse filters={values} filtered={active} />
      )}
    </>
  );
}

type Values = Readonly<Record<(typeof names)[number], string>>;

function Browse({ filters, filtered }: { readonly filters: Values; readonly filtered: boolean }) {
  const t = useT('admin');
  const { mode: _mode, ...query } = filters;
  const list = useList<CloudEvent>('/admin/api/events', { ...query, limit: 50 });
  const title = filtered ? t('admin:events.emptyFiltered') : t('admin:events.empty');
  // A page of a rare filter may be empty and still not be the last.
  return (
    <Stack>
      <EventTable list={list} empty={<Empty title={title} />} />
      {list.items.length === 0 && list.hasMore && (
        <Button variant="default" size="xs" mx="auto" loading={list.isLoadingMore} onClick={list.loadMore}>
          {t('common:actions.loadMore')}
        </Button>
      )}
    </Stack>
  );
}

/** What stays on the page: a flood must not fill the browser. */
const kept = 200;

function Tail({ filters }: { readonly filters: Values }) {
  const t = useT('admin');
  const format = useFormat();
  const [events, setEvents] = useState<readonly CloudEvent[]>([]);
  const { types, subject, correlationId } = filters;
  const wanted = types === '' ? allNames.map((name) => `kirogate.${name}`) : [`kirogate.${types}`];
  const take = useCallback(
    ({ data }: FeedEvent) => {
      const event = data as CloudEvent | null;
      if (event !== null && fits(event, { subject, correlationId })) setEvents((before) => [event, ...before].slice(0, kept));
    },
    [subject, correlationId],
  );
  const live = useLive(eventStreamPath, wanted, take);
  return (
    <Stack gap="sm">
      <FilterBar active={false} onClear={() => undefined}>
        <LiveBadge state={live} />
        <Button
          variant="default"
          size="xs"
          leftSection={<IconEraser size={14} />}
          disabled={events.length === 0}
          onClick={() => setEvents([])}
        >
          {t('admin:events.clear')}
        </Button>
        {t('admin:events.tailHint', { number: format.number(kept) })}
      </FilterBar>
      <EventTable
        list={{ items: events, isPending: false, error: null }}
        empty={<Empty title={t('admin:events.waiting')} hint={t('admin:events.waitingHint')} />}
      />
    </Stack>
  );
}
