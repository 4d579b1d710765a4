/** Announcements that guests may read, beside the sign-in form. */
import { Alert, Stack, Text } from '@mantine/core';
import { IconSpeakerphone } from '@tabler/icons-react';
import type { ListPage } from '../api/queries';
import { useGet } from '../api/queries';
import { LongText } from '../components/LongText';
import { TimeText } from '../components/values';
import { useT } from '../i18n';

interface Announcement {
  readonly id: string;
  readonly content: string;
  readonly createdAt: string;
}

/** Nothing where there is none, or where it could not be read: signing in goes on. */
export function GuestNews() {
  const t = useT();
  const news = useGet<ListPage<Announcement>>('/announcements', { limit: 3 });
  const items = news.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Stack gap="xs" component="section" aria-label={t('common:auth.news')}>
      {items.map(({ id, content, createdAt }) => (
        <Alert key={id} variant="light" icon={<IconSpeakerphone size={18} />}>
          <LongText text={content} />
          <Text size="xs" c="dimmed" component="div">
            <TimeText at={createdAt} />
          </Text>
        </Alert>
      ))}
    </Stack>
  );
}
