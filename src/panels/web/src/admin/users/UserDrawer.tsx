/** One member: facts, quotas, sessions, keys, and what may be done. */
import { Button, Divider, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useGet, useWrite } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { Facts } from '../../components/Facts';
import { StatusBadge } from '../../components/StatusBadge';
import { Empty, Failed, Loading } from '../../components/states';
import { NumberText, RateText, TimeText, UsedLimit } from '../../components/values';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { IdText } from '../shared/IdText';
import { SideDrawer } from '../shared/SideDrawer';
import { BanModal, useUserActs } from './BulkBar';
import { QuotaForm } from './QuotaForm';
import { SetPassword } from './SetPassword';
import { type User, type UserDetail, usersPath, userTones } from './types';
import { UserKeys } from './UserKeys';

export interface UserDrawerProps {
  /** '' closes. */
  readonly userId: string;
  /** The row of the list: names them until the answer is there. */
  readonly known: User | undefined;
  readonly onClose: () => void;
}

export function UserDrawer({ userId, known, onClose }: UserDrawerProps) {
  const t = useT('admin');
  const found = useGet<UserDetail>(`${usersPath}/${encodeURIComponent(userId)}`, {}, { enabled: userId !== '' });
  const user = found.data?.id === userId ? found.data : undefined;
  const name = user?.username ?? known?.username ?? userId;
  return (
    <SideDrawer opened={userId !== ''} onClose={onClose} title={t('admin:users.detail.title', { name })}>
      {found.error?.status === 404 ? (
        <Empty title={t('admin:users.detail.gone')} />
      ) : user !== undefined ? (
        <Details user={user} />
      ) : found.error ? (
        <Failed error={found.error} retry={() => void found.refetch()} />
      ) : (
        <Loading rows={8} />
      )}
    </SideDrawer>
  );
}

function Details({ user }: { readonly user: UserDetail }) {
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
          [t('admin:users.detail.lastSignIn'), <LastSignIn key="l" user={user} />],
          [t('admin:users.requests'), <NumberText key="r" value={user.stats.totalRequests} />],
          [t('admin:users.detail.success'), <RateText key="u" value={user.stats.successRate} of={user.stats.totalRequests} />],
          [t('admin:users.detail.donated'), <NumberText key="d" value={user.stats.donatedTokens} />],
        ]}
      />
      <Acts user={user} />
      <Divider />
      <SimpleGrid cols={2} spacing="sm">
        <Used label={t('admin:users.detail.day')} {...user.quota.daily} />
        <Used label={t('admin:users.detail.month')} {...user.quota.monthly} />
      </SimpleGrid>
      <QuotaForm key={`${user.id}:${user.quotaDaily}:${user.quotaMonthly}`} user={user} />
      <Divider />
      <UserKeys userId={user.id} username={user.username} />
    </Stack>
  );
}

function LastSignIn({ user: { lastSignIn } }: { readonly user: UserDetail }) {
  const t = useT('admin');
  if (lastSignIn === null) return <>{t('admin:common.never')}</>;
  return (
    <>
      <TimeText at={lastSignIn.at} /> · {lastSignIn.method}
    </>
  );
}

function Used(props: { readonly label: string; readonly used: number; readonly limit: number; readonly resetAt: string }) {
  const t = useT('admin');
  const format = useFormat();
  return (
    <Stack gap={2}>
      <Text size="xs" c="dimmed">
        {props.label}
      </Text>
      <UsedLimit used={props.used} limit={props.limit} label={props.label} />
      <Text size="xs" c="dimmed">
        {t('admin:users.detail.resets', { time: format.dateTime(props.resetAt) })}
      </Text>
    </Stack>
  );
}

function Acts({ user }: { readonly user: Pick<User, 'id' | 'username' | 'status'> }) {
  const t = useT('admin');
  const [asking, setAsking] = useState<'ban' | 'sessions' | 'password' | null>(null);
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
        <Button size="xs" variant="default" onClick={() => setAsking('password')}>
          {t('admin:users.detail.setPassword')}
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
      <SetPassword user={user} opened={asking === 'password'} onClose={() => setAsking(null)} />
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
