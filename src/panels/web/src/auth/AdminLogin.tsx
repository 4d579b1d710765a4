/** Sign-in of the admin: the password of the installation. */
import { Anchor, Button, PasswordInput, Stack, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, Navigate, useNavigate } from '@tanstack/react-router';
import { useApi } from '../api/context';
import type { ApiError } from '../api/errors';
import { useSession } from '../api/session';
import { returnPath } from '../app/returnPath';
import { FormAlert } from '../components/FormAlert';
import { useLengthRule } from '../components/useLengthRule';
import { useT } from '../i18n';
import { AuthFrame } from './AuthFrame';
import { MemberAtAdminDoor } from './OtherSession';

export function Page() {
  const t = useT();
  const api = useApi();
  const client = useQueryClient();
  const navigate = useNavigate();
  const session = useSession('admin');
  const back = returnPath(window.location.search, '/admin');
  const atMost = useLengthRule();
  const form = useForm({ initialValues: { password: '' }, validate: { password: atMost(1_000) } });
  const signIn = useMutation<{ csrfToken: string }, ApiError, { password: string }>({
    mutationFn: (body) => api.send('POST', '/admin/login', body),
    async onSuccess({ csrfToken }) {
      api.setCsrf('admin', csrfToken);
      client.setQueryData(['session', 'admin'], { actor: 'admin', csrfToken });
      await navigate({ to: back, replace: true });
    },
  });
  if (session.data) return <Navigate to={back} replace />;
  return (
    <AuthFrame title={t('common:auth.adminTitle')}>
      <MemberAtAdminDoor />
      <form onSubmit={form.onSubmit((values) => signIn.mutate(values))} aria-label={t('common:auth.adminTitle')}>
        <Stack>
          <FormAlert error={signIn.error} />
          <PasswordInput
            label={t('common:auth.password')}
            description={t('common:auth.adminHint')}
            visibilityToggleButtonProps={{ 'aria-label': t('common:auth.showPassword') }}
            autoComplete="current-password"
            required
            {...form.getInputProps('password')}
          />
          <Button type="submit" loading={signIn.isPending}>
            {t('common:actions.signIn')}
          </Button>
        </Stack>
      </form>
      <Text size="sm">
        <Anchor renderRoot={(props) => <Link to="/login" {...props} />} underline="always">
          {t('common:auth.memberTitle')}
        </Anchor>
      </Text>
    </AuthFrame>
  );
}
