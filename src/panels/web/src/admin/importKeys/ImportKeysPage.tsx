/** Keys for bulk donation by script: made (shown once), revoked, and how a script uses them. */
import { Button, Stack } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useState } from 'react';
import { useLive, useSoon } from '../../api/live';
import { useList, useRefresh, useWrite } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { type Column, DataTable } from '../../components/DataTable';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { StatusBadge } from '../../components/StatusBadge';
import { Empty } from '../../components/states';
import { TimeText } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { eventStreamPath, importKeyEvents } from '../shared/eventTypes';
import { UserLink } from '../shared/UserLink';
import { DonationExample } from './DonationExample';
import { IssueImportKey, importKeysPath } from './IssueImportKey';

interface ImportKey {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly userId: string | null;
  readonly status: 'active' | 'revoked';
  readonly createdAt: string;
}

export function Page() {
  const t = useT('admin');
  const list = useList<ImportKey>(importKeysPath);
  const [issuing, setIssuing] = useState(false);
  const [revoking, setRevoking] = useState<ImportKey | null>(null);
  const revoke = useWrite({ refreshes: [importKeysPath], done: t('admin:importKeys.revoked') });
  const refresh = useRefresh();
  const soon = useSoon(() => refresh([importKeysPath]));
  const live = useLive(eventStreamPath, importKeyEvents, soon);
  const close = (): void => setRevoking(null);
  return (
    <Stack gap="md">
      <div>
        <PageHeader title={t('admin:importKeys.title')} description={t('admin:importKeys.lead')}>
          <LiveBadge state={live} />
          <Button leftSection={<IconKey size={16} />} onClick={() => setIssuing(true)}>
            {t('admin:importKeys.create')}
          </Button>
        </PageHeader>
        <DataTable
          label={t('admin:importKeys.title')}
          columns={columns(t, setRevoking)}
          list={list}
          rowKey={({ id }) => id}
          empty={<Empty title={t('admin:importKeys.empty')} hint={t('admin:importKeys.emptyHint')} />}
        />
      </div>
      <DonationExample />
      <IssueImportKey opened={issuing} onClose={() => setIssuing(false)} />
      <ConfirmModal
        opened={revoking !== null}
        title={t('admin:importKeys.revokeTitle', { name: revoking?.name ?? '' })}
        confirm={t('admin:common.revoke')}
        danger
        busy={revoke.isPending}
        onConfirm={() => revoking && revoke.mutate({ method: 'DELETE', path: `${importKeysPath}/${revoking.id}` }, { onSettled: close })}
        onClose={close}
      >
        {t('admin:importKeys.revokeConfirm')}
      </ConfirmModal>
    </Stack>
  );
}

function columns(t: Translate, onRevoke: (key: ImportKey) => void): readonly Column<ImportKey>[] {
  return [
    { key: 'name', header: t('admin:importKeys.name'), primary: true, cell: ({ name }) => <strong className="kg-wrap">{name}</strong> },
    { key: 'prefix', header: t('admin:importKeys.prefix'), cell: ({ prefix }) => <code>{prefix}…</code> },
    { key: 'owner', header: t('admin:importKeys.owner'), cell: ({ userId }) => <UserLink id={userId} none={t('admin:common.site')} /> },
    {
      key: 'status',
      header: t('admin:common.status'),
      cell: ({ status }) => <StatusBadge tone={status === 'active' ? 'good' : 'muted'} label={t(`admin:importKeys.statuses.${status}`)} />,
    },
    { key: 'at', header: t('admin:common.created'), cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    {
      key: 'act',
      header: t('admin:common.actions'),
      align: 'right',
      cell: (key) =>
        key.status === 'active' && (
          <Button size="xs" variant="default" aria-label={t('admin:importKeys.revokeOf', { name: key.name })} onClick={() => onRevoke(key)}>
            {t('admin:common.revoke')}
          </Button>
        ),
    },
  ];
}
