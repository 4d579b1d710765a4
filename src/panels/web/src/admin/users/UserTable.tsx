/** The list of members; a row opens their details. */
import { Stack, Text, UnstyledButton } from '@mantine/core';
import type { ReactNode } from 'react';
import type { List } from '../../api/queries';
import { type Column, DataTable } from '../../components/DataTable';
import { StatusBadge } from '../../components/StatusBadge';
import { NumberText, TimeText } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { type Format, useFormat } from '../../i18n/format';
import { linkColor } from '../shared/colors';
import { type User, userTones } from './types';

export interface UserTableProps {
  readonly list: List<User>;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
  readonly onOpen: (id: string) => void;
  readonly empty: ReactNode;
}

export function UserTable({ list, selected, onSelect, onOpen, empty }: UserTableProps) {
  const t = useT('admin');
  const format = useFormat();
  return (
    <DataTable
      label={t('admin:users.title')}
      columns={columns(t, format, onOpen)}
      list={list}
      rowKey={({ id }) => id}
      rowLabel={({ username }) => username}
      selected={selected}
      onSelect={onSelect}
      empty={empty}
    />
  );
}

function columns(t: Translate, format: Format, onOpen: (id: string) => void): readonly Column<User>[] {
  const quota = (value: number | null): string => (value === null ? t('admin:common.default') : format.number(value));
  return [
    {
      key: 'username',
      header: t('admin:users.username'),
      primary: true,
      width: 160,
      cell: (user) => (
        <Stack gap={0} align="flex-start">
          <UnstyledButton onClick={() => onOpen(user.id)} aria-label={t('admin:users.open', { name: user.username })} mih={24}>
            <Text size="sm" fw={600} className="kg-wrap" c={linkColor}>
              {user.username}
            </Text>
          </UnstyledButton>
          <Text size="xs" c="dimmed" className="kg-wrap">
            {user.email ?? user.id}
          </Text>
        </Stack>
      ),
    },
    {
      key: 'status',
      header: t('admin:common.status'),
      cell: ({ status }) => <StatusBadge tone={userTones[status]} label={t(`admin:users.statuses.${status}`)} />,
    },
    {
      key: 'quota',
      header: t('admin:users.quota'),
      align: 'right',
      cell: ({ quotaDaily, quotaMonthly }) => `${quota(quotaDaily)} / ${quota(quotaMonthly)}`,
    },
    { key: 'requests', header: t('admin:users.requests'), align: 'right', cell: ({ requests }) => <NumberText value={requests} /> },
    {
      key: 'lastUsed',
      header: t('admin:users.lastUsed'),
      cell: ({ lastUsedAt }) => <TimeText at={lastUsedAt} never={t('admin:common.never')} />,
    },
    { key: 'created', header: t('admin:users.detail.joined'), cell: ({ createdAt }) => <TimeText at={createdAt} /> },
  ];
}
