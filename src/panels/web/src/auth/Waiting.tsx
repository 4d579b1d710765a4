/** What a member sees who waits for approval; opens by itself once approved. */
import { Button, Group, Loader, Text } from '@mantine/core';
import { useEffect } from 'react';
import { useLive } from '../api/live';
import { useSession, useSignOut } from '../api/session';
import { useT } from '../i18n';
import { AuthFrame } from './AuthFrame';

/** Without the stream, and beside it: what it told before it was open, or while it was cut, is found all the same. */
const lookAgainMs = { open: 30_000, connecting: 3_000, lost: 3_000 } as const;

export function Waiting({ name }: { readonly name: string }) {
  const t = useT();
  const { refetch } = useSession('member');
  const signOut = useSignOut('member');
  const live = useLive('/user/api/events/stream', ['account'], () => void refetch(), { all: true });
  useEffect(() => {
    if (live === 'open') void refetch();
    const timer = setInterval(() => void refetch(), lookAgainMs[live]);
    return () => clearInterval(timer);
  }, [live, refetch]);
  return (
    <AuthFrame title={t('common:auth.waitingTitle')}>
      <Text>{t('common:auth.waitingHello', { name })}</Text>
      <Text>{t('common:auth.waitingText')}</Text>
      <Group role="status">
        <Loader size="xs" />
        <Text size="sm" c="dimmed">
          {t('common:auth.waitingLook')}
        </Text>
      </Group>
      <Button variant="default" onClick={() => void signOut()}>
        {t('common:actions.signOut')}
      </Button>
    </AuthFrame>
  );
}
