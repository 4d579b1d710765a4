/** Sign-in of the admin: the password of the installation. */
import { Alert, Button, PasswordInput, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useApi } from '../api/context';
import type { ApiError } from '../api/errors';
import { returnPath } from '../app/returnPath';
import { useT } from '../i18n';
import { useErrorText } from '../i18n/errorText';
import { AuthFrame } from './AuthFrame';

export function Page() {
  const t = useT();
  const api = useApi();
  const client = useQueryClient();
  const navigate = useNavigate();
  const errorText = useErrorText();
  const form = useForm({ initialValues: { password: '' } });
  const signIn = useMutation<{ csrfToken: string }, ApiError, { password: string }>({
    mutationFn: (body) => api.send('POST', '/admin/login', body),
    async onSuccess({ csrfToken }) {
      api.setCsrf('admin', csrfToken);
      client.setQueryData(['session', 'admin'], { actor: 'admin', csrfToken });
      await navigate({ to: returnPath(window.location.search, '/admin'), replace: true });
    },
  });
  return (
    <AuthFrame title={t('common:auth.adminTitle')}>
      <form onSubmit={form.onSubmit((values) => signIn.mutate(values))}>
        <Stack>
          {signIn.error && (
            <Alert color="red" role="alert">
              {errorText(signIn.error)}
            </Alert>
          )}
          <PasswordInput
            label={t('common:auth.password')}
            description={t('common:auth.adminHint')}
            autoComplete="current-password"
            required
            data-autofocus
            {...form.getInputProps('password')}
          />
          <Button type="submit" loading={signIn.isPending}>
            {t('common:actions.signIn')}
          </Button>
        </Stack>
      </form>
    </AuthFrame>
  );
}
