/** Members: found, approved, banned, given quotas; one by one or many at once. */
import { Button } from '@mantine/core';
import { IconUserPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useLive, useSoon } from '../../api/live';
import { useList, useRefresh } from '../../api/queries';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Empty } from '../../components/states';
import { useT } from '../../i18n';
import { eventStreamPath, keyEvents, userEvents } from '../shared/eventTypes';
import { FilterBar, SelectFilter, TextFilter } from '../shared/FilterBar';
import { useFilters } from '../shared/useFilters';
import { BulkBar } from './BulkBar';
import { CreateUser } from './CreateUser';
import { type User, usersPath } from './types';
import { UserDrawer } from './UserDrawer';
import { UserTable } from './UserTable';

const names = ['q', 'status', 'user'] as const;
const statuses = ['active', 'pending', 'banned'] as const;
const watched = [...userEvents, ...keyEvents];

export function Page() {
  const t = useT('admin');
  const { values, set, clear } = useFilters(names);
  const { q, status, user } = values;
  const list = useList<User>(usersPath, { q, status, limit: 50 });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [creating, setCreating] = useState(false);
  const refresh = useRefresh();
  const soon = useSoon(() => refresh([usersPath]));
  const live = useLive(eventStreamPath, watched, soon);
  const filtered = q !== '' || status !== '';

  return (
    <>
      <PageHeader title={t('admin:users.title')} description={t('admin:users.lead')}>
        <LiveBadge state={live} />
        <Button leftSection={<IconUserPlus size={16} />} onClick={() => setCreating(true)}>
          {t('admin:users.create')}
        </Button>
      </PageHeader>
      <FilterBar active={filtered} onClear={clear}>
        <TextFilter
          search
          label={t('admin:users.search')}
          hint={t('admin:users.searchHint')}
          value={q}
          onChange={(text) => set({ q: text })}
        />
        <SelectFilter
          label={t('admin:common.status')}
          value={status}
          choices={statuses.map((value) => ({ value, label: t(`admin:users.statuses.${value}`) }))}
          onChange={(value) => set({ status: value })}
        />
      </FilterBar>
      <BulkBar selected={selected} onDone={() => setSelected(new Set())} />
      <UserTable
        list={list}
        selected={selected}
        onSelect={setSelected}
        onOpen={(id) => set({ user: id })}
        empty={
          filtered ? (
            <Empty title={t('admin:users.emptyFiltered')} />
          ) : (
            <Empty title={t('admin:users.empty')} hint={t('admin:users.emptyHint')} />
          )
        }
      />
      <CreateUser opened={creating} onClose={() => setCreating(false)} />
      <UserDrawer userId={user} known={list.items.find(({ id }) => id === user)} onClose={() => set({ user: '' })} />
    </>
  );
}
