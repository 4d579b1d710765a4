/** One member: facts, quotas, sessions, keys, and what may be done. */
import { Button, Divider, Group, Stack } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useGet, useWrite } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { StatusBadge } from '../../components/StatusBadge';
import { Empty, Failed, Loading } from '../../components/states';
import { NumberText, TimeText } from '../../components/values';
import { useT } from '../../i18n';
import { Facts } from '../shared/Facts';
import { IdText } from '../shared/IdText';
import { SideDrawer } from '../shared/SideDrawer';
import { BanModal, useUserActs } from './BulkBar';
import { QuotaForm } from './QuotaForm';
import { type User, usersPath, userTones } from './types';
import { UserKeys } from './UserKeys';

export interface UserDrawerProps {
  /** '' closes. */
  readonly userId: string;
  /** The row of the list, shown until the API's own answer is there. */
  readonly known: User | undefined;
  readonly onClose: () => void;
}

export function UserDrawer({ userId, known, onClose }: UserDrawerProps) {
  const t = useT('admin');
  const found = useGet<{ items: readonly User[] }>(usersPath, { q: userId, limit: 50 }, { enabled: userId !== '' });
  const user = found.data?.items.find(({ id }) => id === userId) ?? known;
  return (
    <SideDrawer opened={userId !== ''} onClose={onClose} title={t('admin:users.detail.title', { name: user?.username ?? userId })}>
      {user !== undefined ? (
        <Details user={user} />
      ) : found.error ? (
        <Failed error={found.error} retry={() => void found.refetch()} />
      ) : found.isPending ? (
        <Loading rows={6} />
      ) : (
        <Empty title={t('admin:users.detail.gone')} />
      )}
    </SideDrawer>
  );
}

function Details({ user }: { readonly user: User }) {
  const t = useT('admin');
  return (
    <Stack gap="md">
      <Facts
        facts={[
          [
            t('admin:common.status'),
            <StatusBadge key="s" tone={userTones[user.status]} label={t(`admin:users.statuses.${user.status}`)} />,
          ],
          [t('admin:common.id'), <IdText key="i" id={user.id} whole />],
          [t('admin:users.email'), user.email],
          [t('admin:users.detail.joined'), <TimeText key="j" at={user.createdAt} exact />],
          [t('admin:users.requests'), <NumberText key="r" value={user.requests} />],
          [t('admin:users.lastUsed'), <TimeText key="l" at={user.lastUsedAt} never={t('admin:common.never')} />],
        ]}
      />
      <Acts user={user} />
      <Divider />
      <QuotaForm key={`${user.id}:${user.quotaDaily}:${user.quotaMonthly}`} user={user} />
      <Divider />
      <UserKeys userId={user.id} username={user.username} />
    </Stack>
  );
}

function Acts({ user }: { readonly user: User }) {
  const t = useT('admin');
  const [asking, setAsking] = useState<'ban' | 'sessions' | null>(null);
  const { act, busy } = useUserActs(() => setAsking(null));
  const sessions = useWrite({ done: t('admin:users.detail.sessionsRevoked', { name: user.username }) });
  return (
    <Stack gap="xs">
      <Group gap="xs">
        {user.status === 'pending' && (
          <Button size="xs" loading={busy} onClick={() => act('approve', [user.id])}>
            {t('admin:users.approve')}
          </Button>
        )}
        {user.status === 'banned' ? (
          <Button size="xs" variant="default" loading={busy} onClick={() => act('unban', [user.id])}>
            {t('admin:users.unban')}
          </Button>
        ) : (
          <Button size="xs" color="red" onClick={() => setAsking('ban')}>
            {t('admin:users.ban')}
          </Button>
        )}
        <Button size="xs" variant="default" onClick={() => setAsking('sessions')}>
          {t('admin:users.detail.revokeSessions')}
        </Button>
        <Button
          size="xs"
          variant="subtle"
          renderRoot={(props) => <Link to="/admin/activity" search={{ userId: user.id } as never} {...props} />}
        >
          {t('admin:users.detail.viewActivity')}
        </Button>
        <Button
          size="xs"
          variant="subtle"
          renderRoot={(props) => <Link to="/admin/tokens" search={{ userId: user.id } as never} {...props} />}
        >
          {t('admin:users.detail.viewTokens')}
        </Button>
      </Group>
      <BanModal
        count={1}
        opened={asking === 'ban'}
        busy={busy}
        onBan={(reason) => act('ban', [user.id], reason)}
        onClose={() => setAsking(null)}
      />
      <ConfirmModal
        opened={asking === 'sessions'}
        title={t('admin:users.detail.revokeSessions')}
        confirm={t('admin:users.detail.revokeSessions')}
        danger
        busy={sessions.isPending}
        onConfirm={() =>
          sessions.mutate({ method: 'POST', path: `${usersPath}/${user.id}/revoke-sessions` }, { onSettled: () => setAsking(null) })
        }
        onClose={() => setAsking(null)}
      >
        {t('admin:users.detail.revokeSessionsConfirm', { name: user.username })}
      </ConfirmModal>
    </Stack>
  );
}
