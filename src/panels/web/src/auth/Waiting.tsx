/** What a member sees who waits for approval; opens by itself once approved. */
import { Button, Group, Loader, Text } from '@mantine/core';
import { useEffect } from 'react';
import { useSession, useSignOut } from '../api/session';
import { useT } from '../i18n';
import { AuthFrame } from './AuthFrame';

const lookAgainMs = 10_000;

export function Waiting({ name }: { readonly name: string }) {
  const t = useT();
  const { refetch } = useSession('member');
  const signOut = useSignOut('member');
  useEffect(() => {
    const timer = setInterval(() => void refetch(), lookAgainMs);
    return () => clearInterval(timer);
  }, [refetch]);
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
