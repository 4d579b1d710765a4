/** The pool: every credential with live rates and risk, searched, filtered, paused and resumed. */
import { Button } from '@mantine/core';
import { IconPlus, IconShieldPause } from '@tabler/icons-react';
import { useState } from 'react';
import { useLive, useSoon } from '../../api/live';
import { useList, useRefresh } from '../../api/queries';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Empty } from '../../components/states';
import { useT } from '../../i18n';
import { attemptEvents, eventStreamPath, tokenLifeEvents } from '../shared/eventTypes';
import { FilterBar, SelectFilter, TextFilter } from '../shared/FilterBar';
import { type Filters, useFilters } from '../shared/useFilters';
import { AddToken } from './AddToken';
import { PauseRisky } from './PauseRisky';
import { TokenDrawer } from './TokenDrawer';
import { TokenTable } from './TokenTable';
import { providers, sorts, statuses, type Token, tokensPath } from './types';

const names = ['q', 'status', 'highRisk', 'visibility', 'provider', 'userId', 'sort', 'token'] as const;
const narrowing = ['q', 'status', 'highRisk', 'visibility', 'provider', 'userId'] as const;
const watched = [...tokenLifeEvents, ...attemptEvents];

export function Page() {
  const t = useT('admin');
  const filters = useFilters(names);
  const { token, ...query } = filters.values;
  const list = useList<Token>(tokensPath, { ...query, limit: 50 });
  const [open, setOpen] = useState<'add' | 'risky' | null>(null);
  const refresh = useRefresh();
  const soon = useSoon(() => refresh([tokensPath]), 1_000);
  const live = useLive(eventStreamPath, watched, soon);
  const narrowed = narrowing.some((name) => filters.values[name] !== '');
  const close = (): void => setOpen(null);

  return (
    <>
      <PageHeader title={t('admin:tokens.title')} description={t('admin:tokens.lead')}>
        <LiveBadge state={live} />
        <Button variant="default" leftSection={<IconShieldPause size={16} />} onClick={() => setOpen('risky')}>
          {t('admin:tokens.pauseRisky')}
        </Button>
        <Button leftSection={<IconPlus size={16} />} onClick={() => setOpen('add')}>
          {t('admin:tokens.add')}
        </Button>
      </PageHeader>
      <TokenFilters filters={filters} narrowed={narrowed} />
      <TokenTable
        list={list}
        onOpen={(id) => filters.set({ token: id })}
        empty={
          narrowed ? (
            <Empty title={t('admin:tokens.emptyFiltered')} />
          ) : (
            <Empty title={t('admin:tokens.empty')} hint={t('admin:tokens.emptyHint')} />
          )
        }
      />
      <AddToken opened={open === 'add'} onClose={close} />
      {open === 'risky' && <PauseRisky onClose={close} />}
      <TokenDrawer tokenId={token} known={list.items.find(({ id }) => id === token)} onClose={() => filters.set({ token: '' })} />
    </>
  );
}

function TokenFilters({ filters, narrowed }: { readonly filters: Filters<(typeof names)[number]>; readonly narrowed: boolean }) {
  const t = useT('admin');
  const { values, set } = filters;
  const field = (name: (typeof names)[number]) => ({ value: values[name], onChange: (value: string) => set({ [name]: value }) });
  const clear = (): void => set(Object.fromEntries(narrowing.map((name) => [name, ''])));
  return (
    <FilterBar active={narrowed} onClear={clear}>
      <TextFilter search label={t('admin:tokens.search')} hint={t('admin:tokens.searchHint')} {...field('q')} />
      <SelectFilter
        label={t('admin:common.status')}
        choices={statuses.map((value) => ({ value, label: t(`admin:tokens.statuses.${value}`) }))}
        {...field('status')}
      />
      <SelectFilter
        label={t('admin:tokens.risk')}
        choices={[{ value: 'true', label: t('admin:tokens.riskHigh') }]}
        {...field('highRisk')}
      />
      <SelectFilter
        label={t('admin:tokens.visibility')}
        choices={[
          { value: 'public', label: t('admin:tokens.public') },
          { value: 'private', label: t('admin:tokens.private') },
        ]}
        {...field('visibility')}
      />
      <SelectFilter
        label={t('admin:tokens.provider')}
        choices={providers.map((value) => ({ value, label: value }))}
        {...field('provider')}
      />
      <TextFilter label={t('admin:tokens.ownerId')} {...field('userId')} />
      <SelectFilter
        label={t('admin:common.sort')}
        all={t('admin:tokens.sorts.newest')}
        choices={sorts.slice(1).map((value) => ({ value, label: t(`admin:tokens.sorts.${value}`) }))}
        {...field('sort')}
      />
    </FilterBar>
  );
}
