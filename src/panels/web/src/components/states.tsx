/** What a page or a part of it shows instead of data: still loading, nothing there, failed, not allowed. */
import { Alert, Button, Center, Code, Group, Skeleton, Stack, Text, ThemeIcon } from '@mantine/core';
import { IconAlertTriangle, IconInbox, IconLock, IconRefresh } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { ApiError } from '../api/errors';
import { useT } from '../i18n';
import { useErrorText } from '../i18n/errorText';

export function Loading({ rows = 4, height = 28 }: { readonly rows?: number; readonly height?: number }) {
  const t = useT();
  return (
    <Stack gap="xs" role="status" aria-label={t('common:states.loading')}>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike
        <Skeleton key={index} height={height} radius="sm" />
      ))}
    </Stack>
  );
}

export interface EmptyProps {
  readonly title: string;
  readonly hint?: string;
  /** What to do about it. */
  readonly children?: ReactNode;
}

export function Empty({ title, hint, children }: EmptyProps) {
  return (
    <Center py="xl" px="md">
      <Stack align="center" gap="xs" ta="center">
        <ThemeIcon variant="light" size="xl" radius="xl" aria-hidden>
          <IconInbox size={22} />
        </ThemeIcon>
        <Text fw={600}>{title}</Text>
        {hint !== undefined && (
          <Text size="sm" c="dimmed" maw={420}>
            {hint}
          </Text>
        )}
        {children}
      </Stack>
    </Center>
  );
}

/** `retry` absent: nothing to try again. A refusal for lack of rights is shown as such. */
export function Failed({ error, retry }: { readonly error: ApiError; readonly retry?: () => void }) {
  const t = useT();
  const errorText = useErrorText();
  if (error.status === 403) return <NoPermission error={error} />;
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle size={18} />} title={t('common:states.failed')} role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{errorText(error)}</Text>
        {error.requestId !== null && (
          <Text size="xs" c="dimmed">
            {t('common:states.requestId')} <Code>{error.requestId}</Code>
          </Text>
        )}
        {retry !== undefined && (
          <Button size="xs" variant="default" leftSection={<IconRefresh size={14} />} onClick={retry}>
            {t('common:actions.retry')}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

export function NoPermission({ error }: { readonly error?: ApiError }) {
  const t = useT();
  const errorText = useErrorText();
  return (
    <Alert color="yellow" variant="light" icon={<IconLock size={18} />} title={t('common:states.noPermission')} role="alert">
      <Text size="sm">{error ? errorText(error) : t('common:errors.forbidden')}</Text>
    </Alert>
  );
}

/** The state that fits, or `children` with the data. */
export function Shown<T>(props: {
  readonly query: { readonly data: T | undefined; readonly error: ApiError | null; refetch(): unknown };
  readonly rows?: number;
  readonly children: (data: T) => ReactNode;
}) {
  const { query, rows, children } = props;
  if (query.data !== undefined) {
    return (
      <>
        {query.error && (
          <Group mb="sm">
            <Failed error={query.error} retry={() => void query.refetch()} />
          </Group>
        )}
        {children(query.data)}
      </>
    );
  }
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  return <Loading {...(rows === undefined ? {} : { rows })} />;
}
