/** What the site announces to its members; nothing where there is nothing. */
import { Stack, Text } from '@mantine/core';
import { type ListPage, useGet } from '../../api/queries';
import { LongText } from '../../components/LongText';
import { Panel } from '../../components/Panel';
import { TimeText } from '../../components/values';
import { useT } from '../../i18n';
import type { Announcement } from '../types';

export function Announcements() {
  const t = useT('member');
  const news = useGet<ListPage<Announcement>>('/user/api/announcements', { limit: 5 });
  const items = news.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Panel title={t('member:announcements.title')}>
      <Stack gap="md">
        {items.map(({ id, content, createdAt }) => (
          <article key={id}>
            <LongText text={content} />
            <Text size="xs" c="dimmed" component="div">
              <TimeText at={createdAt} />
            </Text>
          </article>
        ))}
      </Stack>
    </Panel>
  );
}
