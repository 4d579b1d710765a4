/** Who changed what, when: filtered by type, actor and time. */
import { Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useLive } from '../../api/live';
import { type List, useList } from '../../api/queries';
import { type Column, DataTable } from '../../components/DataTable';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Empty } from '../../components/states';
import { TimeText } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { useFieldText } from '../../i18n/fieldText';
import { auditNames, eventStreamPath } from '../shared/eventTypes';
import { FilterBar, SelectFilter, TextFilter, TimeFilter } from '../shared/FilterBar';
import { IdText } from '../shared/IdText';
import { Newer } from '../shared/Newer';
import { TokenLink } from '../shared/TokenLink';
import { TypeText, typeLabel } from '../shared/TypeText';
import { UserLink } from '../shared/UserLink';
import { useFilters } from '../shared/useFilters';
import { Diff } from './Diff';

interface Entry {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly type: string;
  readonly targetType: string;
  readonly targetId: string;
  readonly details: Readonly<Record<string, unknown>>;
}

const names = ['type', 'actor', 'from', 'to'] as const;
const watched = auditNames.map((name) => `kirogate.${name}`);

export function Page() {
  const t = useT('admin');
  const { values, set, clear, active } = useFilters(names);
  const list = useList<Entry>('/admin/api/audit', { ...values, limit: 50 });
  const [newer, setNewer] = useState(false);
  const live = useLive(eventStreamPath, watched, () => setNewer(true));
  const field = (name: (typeof names)[number]) => ({ value: values[name], onChange: (value: string) => set({ [name]: value }) });

  return (
    <>
      <PageHeader title={t('admin:audit.title')} description={t('admin:audit.lead')}>
        <LiveBadge state={live} />
      </PageHeader>
      <FilterBar active={active} onClear={clear}>
        <SelectFilter
          label={t('admin:common.type')}
          choices={auditNames.map((value) => ({ value, label: typeLabel(t, value) }))}
          {...field('type')}
        />
        <TextFilter label={t('admin:audit.actor')} hint={t('admin:audit.actorHint')} {...field('actor')} />
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
      <Entries list={list} filtered={active} />
    </>
  );
}

function Entries({ list, filtered }: { readonly list: List<Entry>; readonly filtered: boolean }) {
  const t = useT('admin');
  return (
    <DataTable
      label={t('admin:audit.title')}
      columns={columns(t)}
      list={list}
      rowKey={({ id }) => id}
      empty={<Empty title={filtered ? t('admin:audit.emptyFiltered') : t('admin:audit.empty')} />}
    />
  );
}

function columns(t: Translate): readonly Column<Entry>[] {
  return [
    {
      key: 'type',
      header: t('admin:common.type'),
      primary: true,
      width: 170,
      cell: ({ type }) => (
        <Text size="sm" fw={600} component="div">
          <TypeText type={type} />
        </Text>
      ),
    },
    { key: 'at', header: t('admin:common.time'), width: 120, cell: ({ at }) => <TimeText at={at} exact /> },
    { key: 'actor', header: t('admin:audit.actor'), cell: ({ actor }) => <Actor actor={actor} /> },
    { key: 'target', header: t('admin:audit.target'), cell: (entry) => <Target {...entry} /> },
    { key: 'change', header: t('admin:audit.change'), width: 240, cell: ({ details }) => <Diff details={details} /> },
  ];
}

function Actor({ actor }: { readonly actor: string }) {
  return actor.startsWith('user/') ? <UserLink id={actor.slice('user/'.length)} none="" /> : <Text size="sm">{actor}</Text>;
}

/** Their ids are names that people know. */
const named: ReadonlySet<string> = new Set(['ip', 'projection', 'config']);

function Target({ targetType, targetId }: Pick<Entry, 'targetType' | 'targetId'>) {
  const { name } = useFieldText();
  return (
    <Stack gap={0}>
      <Text size="xs" c="dimmed">
        {name(targetType)}
      </Text>
      {targetType === 'user' ? (
        <UserLink id={targetId} none="" />
      ) : targetType === 'token' ? (
        <TokenLink id={targetId} />
      ) : (
        targetId !== '' && <IdText id={targetId} whole={named.has(targetType)} />
      )}
    </Stack>
  );
}
