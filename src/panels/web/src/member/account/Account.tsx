/** The member's own account: who they are here, how they sign in, a new password. */
import { Button, Group, Stack, Text } from '@mantine/core';
import { IconCheck, IconPlus } from '@tabler/icons-react';
import { useGet } from '../../api/queries';
import { type MemberSession, useSession } from '../../api/session';
import { useSignInWays } from '../../auth/providers';
import { Facts } from '../../components/Facts';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { Failed, Loading } from '../../components/states';
import { TimeText } from '../../components/values';
import { useT } from '../../i18n';
import { PasswordForm } from './PasswordForm';

interface OwnWays {
  readonly password: boolean;
  readonly providers: readonly string[];
}

export function Page() {
  const t = useT('member');
  const session = useSession('member');
  const own = useGet<OwnWays>('/user/api/sign-in-ways');
  return (
    <>
      <PageHeader title={t('member:nav.account')} />
      <Stack gap="md" maw={640}>
        <Panel title={t('member:account.you')}>{session.data ? <You {...(session.data as MemberSession)} /> : <Loading rows={2} />}</Panel>
        {own.error ? (
          <Failed error={own.error} retry={() => void own.refetch()} />
        ) : own.data === undefined ? (
          <Loading rows={4} />
        ) : (
          <>
            <Panel title={t('member:account.password')}>
              {own.data.password ? <PasswordForm /> : <Text size="sm">{t('member:account.noPassword')}</Text>}
            </Panel>
            <Providers own={own.data} />
          </>
        )}
      </Stack>
    </>
  );
}

function You({ user }: MemberSession) {
  const t = useT('member');
  return (
    <Facts
      facts={[
        [t('member:account.name'), user.username],
        [t('member:account.email'), user.email],
        [t('member:account.joined'), <TimeText key="j" at={user.createdAt} exact />],
      ]}
    />
  );
}

/** Other ways in that this site offers; nothing where it offers none. */
function Providers({ own }: { readonly own: OwnWays }) {
  const t = useT('member');
  const offered = useSignInWays().data?.providers ?? [];
  if (offered.length === 0) return null;
  return (
    <Panel title={t('member:account.providers')}>
      <Text size="sm" c="dimmed">
        {t('member:account.providersHint')}
      </Text>
      <Group gap="xs">
        {offered.map(({ id, name, startPath }) =>
          own.providers.includes(id) ? (
            <Text key={id} size="sm">
              <IconCheck size={14} aria-hidden /> {t('member:account.linked', { name })}
            </Text>
          ) : (
            <Button key={id} component="a" href={`${startPath}?link=true`} variant="default" leftSection={<IconPlus size={16} />}>
              {t('member:account.link', { name })}
            </Button>
          ),
        )}
      </Group>
    </Panel>
  );
}
