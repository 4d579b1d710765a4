/** The API keys of one member: issued here (shown once), revoked here. */
import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useState } from 'react';
import { useList, useWrite } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { StatusBadge } from '../../components/StatusBadge';
import { Failed, Loading } from '../../components/states';
import { TimeText } from '../../components/values';
import { useT } from '../../i18n';
import { IssueKey } from './IssueKey';
import { type Key, keyTones, usersPath } from './types';

export function UserKeys({ userId, username }: { readonly userId: string; readonly username: string }) {
  const t = useT('admin');
  const path = `${usersPath}/${userId}/keys`;
  const list = useList<Key>(path, { limit: 20 });
  const [issuing, setIssuing] = useState(false);
  const [revoking, setRevoking] = useState<Key | null>(null);
  const revoke = useWrite({ refreshes: [path], done: t('admin:users.detail.keyRevoked') });
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={3}>{t('admin:users.detail.keys')}</Title>
        <Button size="xs" variant="default" leftSection={<IconKey size={14} />} onClick={() => setIssuing(true)}>
          {t('admin:users.detail.issueKey')}
        </Button>
      </Group>
      {list.isPending && <Loading rows={2} />}
      {list.error && <Failed error={list.error} retry={list.refetch} />}
      {!list.isPending && !list.error && list.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('admin:users.detail.keysEmpty')}
        </Text>
      )}
      {list.items.map((key) => (
        <KeyCard key={key.id} item={key} onRevoke={() => setRevoking(key)} />
      ))}
      {list.hasMore && (
        <Button size="xs" variant="default" loading={list.isLoadingMore} onClick={list.loadMore}>
          {t('common:actions.loadMore')}
        </Button>
      )}
      <IssueKey userId={userId} username={username} opened={issuing} onClose={() => setIssuing(false)} />
      <ConfirmModal
        opened={revoking !== null}
        title={t('admin:users.detail.revokeKeyTitle', { name: revoking?.name ?? '' })}
        confirm={t('admin:common.revoke')}
        danger
        busy={revoke.isPending}
        onConfirm={() => {
          if (revoking) revoke.mutate({ method: 'DELETE', path: `/admin/api/keys/${revoking.id}` }, { onSettled: () => setRevoking(null) });
        }}
        onClose={() => setRevoking(null)}
      >
        {t('admin:users.detail.revokeKeyConfirm')}
      </ConfirmModal>
    </Stack>
  );
}

function KeyCard({ item, onRevoke }: { readonly item: Key; readonly onRevoke: () => void }) {
  const t = useT('admin');
  return (
    <Paper p="xs">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={2} miw={0}>
          <Group gap="xs">
            <Text size="sm" fw={600} className="kg-wrap">
              {item.name}
            </Text>
            <StatusBadge tone={keyTones[item.status]} label={t(`admin:users.detail.keyStatuses.${item.status}`)} />
          </Group>
          <Text size="xs" c="dimmed" component="div">
            {item.prefix}… · {t('admin:users.detail.requests', { count: item.requests })} · {t('admin:users.lastUsed')}:{' '}
            <TimeText at={item.lastUsedAt} never={t('admin:common.never')} />
          </Text>
          <Text size="xs" c="dimmed" component="div" className="kg-wrap">
            {item.rpmLimit !== null && `${item.rpmLimit} RPM · `}
            {item.allowedModels !== null && `${item.allowedModels.join(', ')} · `}
            {item.expiresAt === null ? t('admin:users.detail.neverExpires') : <TimeText at={item.expiresAt} exact />}
          </Text>
        </Stack>
        {item.status === 'active' && (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={t('admin:users.detail.revokeKey', { name: item.name })}
            onClick={onRevoke}
          >
            {t('admin:common.revoke')}
          </Button>
        )}
      </Group>
    </Paper>
  );
}
