/** A member's API keys: make, change, revoke. */
import { ActionIcon, Button, Code, Group, Menu, Text } from '@mantine/core';
import { IconDots, IconPencil, IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useList, useWrite } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { type Column, DataTable } from '../../components/DataTable';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { StatusBadge } from '../../components/StatusBadge';
import { Empty } from '../../components/states';
import { NumberText, TimeText } from '../../components/values';
import { useT } from '../../i18n';
import type { ApiKey } from '../types';
import { useMemberLive } from '../useMemberLive';
import { KeyForm } from './KeyForm';

const path = '/user/api/keys';
const tones = { active: 'good', revoked: 'muted', expired: 'warn' } as const;

export function Page() {
  const t = useT('member');
  const list = useList<ApiKey>(path);
  const [form, setForm] = useState<ApiKey | 'new' | null>(null);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const revoke = useWrite({ refreshes: [path], done: t('member:keys.revoked') });
  useMemberLive(['key', 'request'], [path]);
  const create = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setForm('new')}>
      {t('member:keys.create')}
    </Button>
  );
  return (
    <>
      <PageHeader title={t('member:nav.keys')} description={t('member:keys.lead')}>
        {create}
      </PageHeader>
      <Panel title={t('member:keys.list')}>
        <DataTable
          label={t('member:keys.list')}
          columns={useColumns({ onEdit: setForm, onRevoke: setRevoking })}
          list={list}
          rowKey={({ id }) => id}
          empty={
            <Empty title={t('member:keys.empty')} hint={t('member:keys.emptyHint')}>
              {create}
            </Empty>
          }
        />
      </Panel>
      {form !== null && <KeyForm existing={form === 'new' ? null : form} onClose={() => setForm(null)} />}
      <ConfirmModal
        opened={revoking !== null}
        title={t('member:keys.revokeTitle', { name: revoking?.name ?? '' })}
        confirm={t('member:keys.revoke')}
        danger
        busy={revoke.isPending}
        onClose={() => setRevoking(null)}
        onConfirm={() => revoke.mutate({ method: 'DELETE', path: `${path}/${revoking?.id}` }, { onSettled: () => setRevoking(null) })}
      >
        {t('member:keys.revokeText')}
      </ConfirmModal>
    </>
  );
}

function useColumns(on: { onEdit(key: ApiKey): void; onRevoke(key: ApiKey): void }): Column<ApiKey>[] {
  const t = useT('member');
  return [
    {
      key: 'name',
      header: t('member:keys.name'),
      primary: true,
      width: 160,
      cell: (key) => (
        <>
          <Text size="sm" fw={600} className="kg-wrap">
            {key.name}
          </Text>
          <Code>{key.prefix}…</Code>
        </>
      ),
    },
    {
      key: 'status',
      header: t('member:keys.status'),
      cell: ({ status }) => <StatusBadge tone={tones[status]} label={t(`member:keys.statuses.${status}`)} />,
    },
    { key: 'requests', header: t('member:keys.requests'), align: 'right', cell: ({ requests }) => <NumberText value={requests} /> },
    {
      key: 'lastUsed',
      header: t('member:keys.lastUsed'),
      cell: ({ lastUsedAt }) => <TimeText at={lastUsedAt} never={t('member:never')} />,
    },
    { key: 'created', header: t('member:keys.created'), cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    {
      key: 'rpm',
      header: t('member:keys.rpm'),
      align: 'right',
      cell: ({ rpmLimit }) => (rpmLimit === null ? t('member:keys.defaultRpm') : <NumberText value={rpmLimit} />),
    },
    {
      key: 'models',
      header: t('member:keys.models'),
      cell: ({ allowedModels }) => (allowedModels === null ? t('member:allModels') : allowedModels.join(', ') || t('member:none')),
    },
    {
      key: 'expires',
      header: t('member:keys.expires'),
      cell: ({ expiresAt }) => <TimeText at={expiresAt} never={t('member:never')} />,
    },
    { key: 'actions', header: t('member:actions'), align: 'right', cell: (key) => <Actions apiKey={key} {...on} /> },
  ];
}

function Actions({ apiKey, onEdit, onRevoke }: { readonly apiKey: ApiKey; onEdit(key: ApiKey): void; onRevoke(key: ApiKey): void }) {
  const t = useT('member');
  if (apiKey.status === 'revoked') return null;
  return (
    <Group justify="flex-end">
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={t('member:actionsOf', { name: apiKey.name })}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => onEdit(apiKey)}>
            {t('common:actions.edit')}
          </Menu.Item>
          <Menu.Item leftSection={<IconTrash size={16} />} color="red" onClick={() => onRevoke(apiKey)}>
            {t('member:keys.revoke')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
