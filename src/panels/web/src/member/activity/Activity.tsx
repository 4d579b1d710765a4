/** The member's last requests; each opens with its timing, its use and why it ended so. */
import { Button, Text } from '@mantine/core';
import { useState } from 'react';
import { useList } from '../../api/queries';
import { type Column, DataTable } from '../../components/DataTable';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { StatusBadge } from '../../components/StatusBadge';
import { Empty } from '../../components/states';
import { NumberText, TimeText } from '../../components/values';
import { useT } from '../../i18n';
import type { Activity } from '../types';
import { useMemberLive } from '../useMemberLive';
import { ActivityDetails } from './ActivityDetails';
import { outcomeTones } from './outcomes';

const path = '/user/api/activity';

export function Page() {
  const t = useT('member');
  const list = useList<Activity>(path, { limit: 50 });
  const [open, setOpen] = useState<Activity | null>(null);
  const live = useMemberLive(['request'], [path]);
  return (
    <>
      <PageHeader title={t('member:nav.activity')} description={t('member:activity.lead')}>
        <LiveBadge state={live} />
      </PageHeader>
      <Panel title={t('member:activity.list')}>
        <DataTable
          label={t('member:activity.list')}
          columns={useColumns(setOpen)}
          list={list}
          rowKey={({ id }) => id}
          empty={<Empty title={t('member:activity.empty')} hint={t('member:activity.emptyHint')} />}
        />
      </Panel>
      {open !== null && <ActivityDetails item={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function useColumns(onOpen: (item: Activity) => void): Column<Activity>[] {
  const t = useT('member');
  return [
    { key: 'at', header: t('member:activity.at'), primary: true, cell: ({ at }) => <TimeText at={at} /> },
    {
      key: 'model',
      header: t('member:activity.model'),
      cell: ({ model, count }) => (
        <Text span size="sm" className="kg-wrap">
          {model}
          {count > 1 && ` ×${count}`}
        </Text>
      ),
    },
    {
      key: 'outcome',
      header: t('member:activity.outcome'),
      cell: ({ outcome, status }) => (
        <StatusBadge tone={outcomeTones[outcome]} label={`${status} · ${t(`member:activity.outcomes.${outcome}`)}`} />
      ),
    },
    {
      key: 'latency',
      header: t('member:activity.latency'),
      align: 'right',
      cell: ({ latencyMs }) => <NumberText value={latencyMs} unit="ms" />,
    },
    {
      key: 'usage',
      header: t('member:activity.tokens'),
      align: 'right',
      cell: ({ usage }) =>
        usage === null ? (
          '–'
        ) : (
          <>
            <NumberText value={usage.inputTokens} unit="compact" /> / <NumberText value={usage.outputTokens} unit="compact" />
          </>
        ),
    },
    {
      key: 'details',
      header: t('common:actions.details'),
      align: 'right',
      cell: (item) => (
        <Button size="compact-xs" variant="subtle" onClick={() => onOpen(item)}>
          {t('common:actions.details')}
        </Button>
      ),
    },
  ];
}
