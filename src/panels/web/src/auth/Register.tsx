/** Sign-up of members; what comes after it is the panel, or waiting for approval there. */
import { Alert, Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useApi } from '../api/context';
import type { ApiError } from '../api/errors';
import { FormAlert } from '../components/FormAlert';
import { Loading } from '../components/states';
import { useLengthRule } from '../components/useLengthRule';
import { useT } from '../i18n';
import { useErrorText } from '../i18n/errorText';
import { AuthFrame } from './AuthFrame';
import { ProviderButtons } from './ProviderButtons';
import { useSignInWays } from './providers';

interface Account {
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

export function Page() {
  const t = useT();
  const ways = useSignInWays();
  return (
    <AuthFrame title={t('common:auth.registerTitle')}>
      {ways.isPending && <Loading rows={3} />}
      {ways.error && <FormAlert error={ways.error} />}
      {ways.data?.registration === false && <Alert color="yellow">{t('common:auth.closed')}</Alert>}
      {ways.data?.registration === true && (
        <>
          {ways.data.requireApproval && <Alert color="blue">{t('common:auth.approval')}</Alert>}
          <RegisterForm />
          <ProviderButtons providers={ways.data.providers} />
        </>
      )}
      <SignInLink />
    </AuthFrame>
  );
}

function SignInLink() {
  const t = useT();
  return (
    <Text size="sm">
      {t('common:auth.haveAccount')}{' '}
      <Anchor renderRoot={(props) => <Link to="/login" {...props} />} underline="always">
        {t('common:actions.signIn')}
      </Anchor>
    </Text>
  );
}

function RegisterForm() {
  const t = useT();
  const api = useApi();
  const client = useQueryClient();
  const navigate = useNavigate();
  const errorText = useErrorText();
  const atMost = useLengthRule();
  const form = useForm<Account>({
    initialValues: { username: '', email: '', password: '' },
    validate: {
      username: atMost(100),
      email: atMost(254),
      password: (value) => (value.length < 8 ? t('common:auth.passwordShort') : atMost(200)(value)),
    },
  });
  // One who waits for approval is signed in as well: the panel says so, and opens by itself once it may.
  const register = useMutation<void, ApiError, Account>({
    async mutationFn(account) {
      await api.send('POST', '/auth/register', account);
      const { email, password } = account;
      const { csrfToken } = await api.send<{ csrfToken: string }>('POST', '/auth/login', { email, password });
      api.setCsrf('member', csrfToken);
    },
    async onSuccess() {
      await client.invalidateQueries({ queryKey: ['session', 'member'] });
      await navigate({ to: '/panel', replace: true });
    },
    onError(error) {
      if (error.param !== null && error.param in form.values) form.setFieldError(error.param, errorText(error));
    },
  });
  return (
    <form onSubmit={form.onSubmit((values) => register.mutate(values))} aria-label={t('common:auth.registerTitle')}>
      <Stack>
        <FormAlert error={register.error?.param != null && register.error.param in form.values ? null : register.error} />
        <TextInput label={t('common:auth.username')} autoComplete="nickname" required {...form.getInputProps('username')} />
        <TextInput label={t('common:auth.email')} type="email" autoComplete="username" required {...form.getInputProps('email')} />
        <PasswordInput
          label={t('common:auth.password')}
          description={t('common:auth.passwordRule')}
          visibilityToggleButtonProps={{ 'aria-label': t('common:auth.showPassword') }}
          autoComplete="new-password"
          required
          {...form.getInputProps('password')}
        />
        <Button type="submit" loading={register.isPending}>
          {t('common:actions.register')}
        </Button>
      </Stack>
    </form>
  );
}
