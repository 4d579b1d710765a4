/** A new password for a member who has lost the old one, or came without one that works. */
import { PasswordInput } from '@mantine/core';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { useT } from '../../i18n';
import { FormModal } from '../shared/FormModal';
import { type User, usersPath } from './types';

export interface SetPasswordProps {
  readonly user: Pick<User, 'id' | 'username'>;
  readonly opened: boolean;
  readonly onClose: () => void;
}

export function SetPassword({ user, opened, onClose }: SetPasswordProps) {
  const t = useT('admin');
  const [password, setPassword] = useState('');
  const write = useWrite({ quiet: true, done: t('admin:users.detail.passwordSet', { name: user.username }) });
  const close = (): void => {
    setPassword('');
    write.reset();
    onClose();
  };
  const path = `${usersPath}/${encodeURIComponent(user.id)}/password`;
  return (
    <FormModal
      opened={opened}
      title={t('admin:users.detail.setPassword')}
      submit={t('admin:users.detail.setPassword')}
      busy={write.isPending}
      error={write.error}
      onSubmit={() => write.mutate({ method: 'POST', path, body: { password } }, { onSuccess: close })}
      onClose={close}
    >
      <PasswordInput
        label={t('admin:users.detail.newPassword')}
        description={t('admin:users.detail.setPasswordHint', { name: user.username })}
        autoComplete="new-password"
        required
        data-autofocus
        value={password}
        error={write.error?.param === 'password'}
        visibilityToggleButtonProps={{ 'aria-label': t('admin:users.showPassword') }}
        onChange={({ currentTarget }) => setPassword(currentTarget.value)}
      />
    </FormModal>
  );
}
