/** The list of requests; a row opens its record. */
import { Badge, Group, Stack, Text, Tooltip, UnstyledButton } from '@mantine/core';
import type { ReactNode } from 'react';
import type { List } from '../../api/queries';
import { type Column, DataTable } from '../../components/DataTable';
import { StatusBadge } from '../../components/StatusBadge';
import { NumberText } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { type Format, useFormat } from '../../i18n/format';
import { linkColor } from '../shared/colors';
import { TokenLink } from '../shared/TokenLink';
import { UserLink } from '../shared/UserLink';
import { type Activity, outcomeTones } from './types';

export interface ActivityTableProps {
  readonly list: List<Activity>;
  readonly onOpen: (item: Activity) => void;
  readonly empty: ReactNode;
}

export function ActivityTable({ list, onOpen, empty }: ActivityTableProps) {
  const t = useT('admin');
  const format = useFormat();
  return (
    <DataTable label={t('admin:activity.title')} columns={columns(t, format, onOpen)} list={list} rowKey={({ id }) => id} empty={empty} />
  );
}

function columns(t: Translate, format: Format, onOpen: (item: Activity) => void): readonly Column<Activity>[] {
  return [
    {
      key: 'at',
      header: t('admin:activity.ended'),
      primary: true,
      width: 150,
      cell: (item) => (
        <UnstyledButton mih={24} onClick={() => onOpen(item)} aria-label={t('admin:activity.open', { time: format.dateTime(item.at) })}>
          <Text size="sm" c={linkColor}>
            {format.dateTime(item.at)}
          </Text>
        </UnstyledButton>
      ),
    },
    { key: 'outcome', header: t('admin:activity.outcome'), width: 150, cell: (item) => <OutcomeCell item={item} /> },
    {
      key: 'user',
      header: t('admin:common.user'),
      cell: ({ userId }) => <UserLink id={userId} none={t('admin:activity.unknownUser')} />,
    },
    {
      key: 'model',
      header: t('admin:common.model'),
      cell: ({ model, endpoint }) => (
        <Stack gap={0}>
          <Text size="sm" className="kg-wrap">
            {model}
          </Text>
          <Text size="xs" c="dimmed">
            {endpoint}
          </Text>
        </Stack>
      ),
    },
    { key: 'token', header: t('admin:activity.token'), cell: ({ tokenId }) => <TokenLink id={tokenId} /> },
    {
      key: 'latency',
      header: t('admin:activity.latency'),
      align: 'right',
      cell: (item) => <NumberText value={item.latencyMs} unit="ms" />,
    },
    {
      key: 'usage',
      header: t('admin:activity.usage'),
      align: 'right',
      cell: ({ usage }) => (usage === null ? '–' : `${format.number(usage.inputTokens)} / ${format.number(usage.outputTokens)}`),
    },
  ];
}

function OutcomeCell({ item }: { readonly item: Activity }) {
  const t = useT('admin');
  return (
    <Stack gap={2} align="flex-start">
      <Group gap={6}>
        <StatusBadge tone={outcomeTones[item.outcome]} label={`${t(`admin:activity.outcomes.${item.outcome}`)} ${item.status}`} />
        {item.count > 1 && (
          <Tooltip label={t('admin:activity.countHint')} multiline maw={240}>
            <Badge variant="default" tt="none" radius="sm" tabIndex={0}>
              {t('admin:activity.count', { count: item.count })}
            </Badge>
          </Tooltip>
        )}
      </Group>
      {item.code !== null && (
        <Text size="xs" c="dimmed" className="kg-wrap">
          {item.code}
        </Text>
      )}
    </Stack>
  );
}
