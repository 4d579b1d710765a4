/** A new password: the old one beside it; sessions elsewhere end, this one goes on. */
import { Button, PasswordInput, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { useApi } from '../../api/context';
import type { ApiError } from '../../api/errors';
import { FormAlert } from '../../components/FormAlert';
import { useLengthRule } from '../../components/useLengthRule';
import { useT } from '../../i18n';

interface Passwords {
  readonly current: string;
  readonly password: string;
}

export function PasswordForm() {
  const t = useT('member');
  const api = useApi();
  const atMost = useLengthRule();
  const form = useForm<Passwords>({
    initialValues: { current: '', password: '' },
    validate: {
      current: atMost(1_000),
      password: (value) => (value.length < 8 ? t('common:auth.passwordShort') : atMost(200)(value)),
    },
  });
  const change = useMutation<{ csrfToken: string }, ApiError, Passwords>({
    mutationFn: (passwords) => api.send('POST', '/user/api/password', passwords),
    onSuccess({ csrfToken }) {
      api.setCsrf('member', csrfToken);
      form.reset();
      notifications.show({ color: 'green', message: t('member:account.changed') });
    },
    onError(error) {
      if (error.param === 'current') form.setFieldError('current', t('member:account.mistaken'));
    },
  });
  const shown = { visibilityToggleButtonProps: { 'aria-label': t('common:auth.showPassword') }, required: true };
  return (
    <form onSubmit={form.onSubmit((values) => change.mutate(values))} aria-label={t('member:account.password')}>
      <Stack gap="sm">
        <FormAlert error={change.error?.param === 'current' ? null : change.error} />
        <PasswordInput label={t('member:account.current')} autoComplete="current-password" {...shown} {...form.getInputProps('current')} />
        <PasswordInput
          label={t('member:account.new')}
          description={t('common:auth.passwordRule')}
          autoComplete="new-password"
          {...shown}
          {...form.getInputProps('password')}
        />
        <Button type="submit" loading={change.isPending} style={{ alignSelf: 'flex-start' }}>
          {t('member:account.change')}
        </Button>
      </Stack>
    </form>
  );
}
