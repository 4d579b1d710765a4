/** Buttons that lead to GitHub or the site's own identity provider. */
import { Button, Divider, Stack } from '@mantine/core';
import { IconBrandGithub, IconId } from '@tabler/icons-react';
import { useT } from '../i18n';
import type { SignInWays } from './providers';

export function ProviderButtons({ providers }: { readonly providers: SignInWays['providers'] }) {
  const t = useT();
  if (providers.length === 0) return null;
  return (
    <>
      <Divider label={t('common:auth.or')} />
      <Stack gap="xs">
        {providers.map(({ id, name, startPath }) => (
          <Button
            key={id}
            component="a"
            href={startPath}
            variant="default"
            leftSection={id === 'github' ? <IconBrandGithub size={18} /> : <IconId size={18} />}
          >
            {t('common:auth.with', { name })}
          </Button>
        ))}
      </Stack>
    </>
  );
}
