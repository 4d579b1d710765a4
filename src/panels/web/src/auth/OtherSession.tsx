/** On a sign-in page: that somebody is signed in already, but as the other kind of user, and the way back to their pages. */
import { Alert, Anchor, Text } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useSession } from '../api/session';
import { useT } from '../i18n';

export function MemberAtAdminDoor() {
  const t = useT();
  const member = useSession('member').data;
  if (!member) return null;
  return (
    <WrongDoor says={t('common:auth.asMember', { name: member.user.username })} home="/panel" homeName={t('common:auth.toMemberPanel')} />
  );
}

export function AdminAtMemberDoor() {
  const t = useT();
  const admin = useSession('admin').data;
  if (!admin) return null;
  return <WrongDoor says={t('common:auth.asAdmin')} home="/admin" homeName={t('common:auth.toAdminPanel')} />;
}

function WrongDoor({ says, home, homeName }: { readonly says: string; readonly home: string; readonly homeName: string }) {
  const t = useT();
  return (
    <Alert color="yellow" variant="light" icon={<IconLock size={18} />} title={t('common:states.noPermission')} role="status">
      <Text size="sm">{says}</Text>
      <Anchor renderRoot={(props) => <Link to={home} {...props} />} size="sm" underline="always">
        {homeName}
      </Anchor>
    </Alert>
  );
}
