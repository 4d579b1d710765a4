/** Requests of everybody: filtered, page by page, each with the record of why its token was chosen. */
import { useState } from 'react';
import { useLive } from '../../api/live';
import { useList } from '../../api/queries';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Empty } from '../../components/states';
import { useT } from '../../i18n';
import { eventStreamPath, requestEvents } from '../shared/eventTypes';
import { FilterBar, TextFilter, TimeFilter } from '../shared/FilterBar';
import { Newer } from '../shared/Newer';
import { useFilters } from '../shared/useFilters';
import { ActivityDrawer } from './ActivityDrawer';
import { ActivityTable } from './ActivityTable';
import { type Activity, activityPath } from './types';

const names = ['userId', 'model', 'status', 'from', 'to'] as const;

export function Page() {
  const t = useT('admin');
  const { values, set, clear, active } = useFilters(names);
  const list = useList<Activity>(activityPath, { ...values, limit: 50 });
  const [opened, setOpened] = useState<Activity | null>(null);
  const [newer, setNewer] = useState(false);
  const live = useLive(eventStreamPath, requestEvents, () => setNewer(true));
  const status = /^[1-5]\d\d$/.test(values.status) || values.status === '';
  const field = (name: (typeof names)[number]) => ({ value: values[name], onChange: (value: string) => set({ [name]: value }) });

  return (
    <>
      <PageHeader title={t('admin:activity.title')} description={t('admin:activity.lead')}>
        <LiveBadge state={live} />
      </PageHeader>
      <FilterBar active={active} onClear={clear}>
        <TextFilter label={t('admin:activity.userId')} {...field('userId')} />
        <TextFilter label={t('admin:activity.model')} {...field('model')} />
        <TextFilter label={t('admin:activity.status')} hint="429" invalid={!status} {...field('status')} />
        <TimeFilter label={t('admin:common.from')} {...field('from')} />
        <TimeFilter label={t('admin:common.to')} {...field('to')} />
      </FilterBar>
      <Newer
        shown={newer && !list.isPending}
        onShow={() => {
          setNewer(false);
          list.refetch();
        }}
      />
      <ActivityTable
        list={list}
        onOpen={setOpened}
        empty={
          active ? (
            <Empty title={t('admin:activity.emptyFiltered')} />
          ) : (
            <Empty title={t('admin:activity.empty')} hint={t('admin:activity.emptyHint')} />
          )
        }
      />
      <ActivityDrawer item={opened} onClose={() => setOpened(null)} />
    </>
  );
}
