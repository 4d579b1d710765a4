/** Sign-in of members: e-mail and password, or an outside provider. */
import { Alert, Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, Navigate, useNavigate } from '@tanstack/react-router';
import { useApi } from '../api/context';
import { ApiError } from '../api/errors';
import { useSession } from '../api/session';
import { returnPath } from '../app/returnPath';
import { FormAlert } from '../components/FormAlert';
import { useLengthRule } from '../components/useLengthRule';
import { useT } from '../i18n';
import { AuthFrame } from './AuthFrame';
import { GuestNews } from './GuestNews';
import { AdminAtMemberDoor } from './OtherSession';
import { ProviderButtons } from './ProviderButtons';
import { useSignInWays } from './providers';

/** What an outside sign-in that failed left in the address: `?error=<code>`. */
function errorInAddress(search: string): ApiError | null {
  const code = new URLSearchParams(search).get('error');
  return code === null || !/^[a-z_]{1,40}$/.test(code) ? null : new ApiError({ status: 0, code, message: '' });
}

export function Page() {
  const t = useT();
  const session = useSession('member');
  const ways = useSignInWays();
  const back = returnPath(window.location.search, '/panel');
  if (session.data) return <Navigate to={back} replace />;
  return (
    <AuthFrame title={t('common:auth.title')} aside={<GuestNews />}>
      <AdminAtMemberDoor />
      {ways.data?.selfUse === true && <Alert color="blue">{t('common:auth.selfUse')}</Alert>}
      <LoginForm back={back} />
      <ProviderButtons providers={ways.data?.providers ?? []} />
      {ways.data?.registration === true && (
        <Text size="sm">
          {t('common:auth.noAccount')}{' '}
          <Anchor renderRoot={(props) => <Link to="/register" {...props} />} underline="always">
            {t('common:actions.register')}
          </Anchor>
        </Text>
      )}
      <Text size="xs" c="dimmed">
        <Anchor renderRoot={(props) => <Link to="/admin/login" {...props} />} c="dimmed" size="xs" underline="always">
          {t('common:auth.adminTitle')}
        </Anchor>
        {' · '}
        <Anchor renderRoot={(props) => <Link to="/docs" {...props} />} c="dimmed" size="xs" underline="always">
          {t('common:nav.docs')}
        </Anchor>
      </Text>
    </AuthFrame>
  );
}

function LoginForm({ back }: { readonly back: string }) {
  const t = useT();
  const api = useApi();
  const client = useQueryClient();
  const navigate = useNavigate();
  const atMost = useLengthRule();
  const form = useForm({ initialValues: { email: '', password: '' }, validate: { email: atMost(254), password: atMost(1_000) } });
  const signIn = useMutation<{ csrfToken: string }, ApiError, { email: string; password: string }>({
    mutationFn: (body) => api.send('POST', '/auth/login', body),
    async onSuccess({ csrfToken }) {
      api.setCsrf('member', csrfToken);
      await client.invalidateQueries({ queryKey: ['session', 'member'] });
      await navigate({ to: back, replace: true });
    },
  });
  return (
    <form onSubmit={form.onSubmit((values) => signIn.mutate(values))} aria-label={t('common:auth.title')}>
      <Stack>
        <FormAlert error={signIn.error ?? errorInAddress(window.location.search)} />
        <TextInput label={t('common:auth.email')} type="email" autoComplete="username" required {...form.getInputProps('email')} />
        <PasswordInput
          label={t('common:auth.password')}
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
  );
}
