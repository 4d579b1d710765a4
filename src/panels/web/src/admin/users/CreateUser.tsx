/** A new member, active at once. */
import { PasswordInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { LimitedInput } from '../../components/LimitedText';
import { useT } from '../../i18n';
import { FormModal } from '../shared/FormModal';
import { usersPath } from './types';

const empty = { username: '', email: '', password: '' };

export function CreateUser({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  const t = useT('admin');
  const [form, setForm] = useState(empty);
  const write = useWrite<{ id: string }>({ refreshes: [usersPath], quiet: true, done: t('admin:users.created', { name: form.username }) });
  const close = (): void => {
    setForm(empty);
    write.reset();
    onClose();
  };
  const set = (patch: Partial<typeof empty>): void => setForm((before) => ({ ...before, ...patch }));
  const submit = (): void => {
    const { username, email, password } = form;
    const body = {
      username: username.trim(),
      ...(email.trim() === '' ? {} : { email: email.trim() }),
      ...(password === '' ? {} : { password }),
    };
    write.mutate({ method: 'POST', path: usersPath, body }, { onSuccess: close });
  };
  const at = (field: string): boolean => write.error?.param === field;
  return (
    <FormModal
      opened={opened}
      title={t('admin:users.create')}
      submit={t('admin:common.create')}
      busy={write.isPending}
      error={write.error}
      onSubmit={submit}
      onClose={close}
    >
      <LimitedInput
        label={t('admin:users.username')}
        required
        data-autofocus
        max={100}
        value={form.username}
        error={at('username')}
        onChange={({ currentTarget }) => set({ username: currentTarget.value })}
      />
      <TextInput
        label={t('admin:users.emailOptional')}
        type="email"
        autoComplete="off"
        value={form.email}
        error={at('email')}
        onChange={({ currentTarget }) => set({ email: currentTarget.value })}
      />
      <PasswordInput
        label={t('admin:users.password')}
        description={t('admin:users.passwordHint')}
        autoComplete="new-password"
        value={form.password}
        error={at('password')}
        visibilityToggleButtonProps={{ 'aria-label': t('admin:users.showPassword') }}
        onChange={({ currentTarget }) => set({ password: currentTarget.value })}
      />
    </FormModal>
  );
}
