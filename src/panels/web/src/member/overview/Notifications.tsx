/** What the member is told; unread first seen, read one by one or all at once. */
import { ActionIcon, Badge, Button, Group, Stack, Text, ThemeIcon, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconGauge, IconPlayerPause } from '@tabler/icons-react';
import { useList, useWrite } from '../../api/queries';
import { Panel } from '../../components/Panel';
import { Empty, Failed, Loading } from '../../components/states';
import { TimeText } from '../../components/values';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { Notice } from '../types';
import { noticeText } from './noticeText';

const path = '/user/api/notifications';

export function Notifications() {
  const t = useT('member');
  const list = useList<Notice>(path, { limit: 20 });
  const read = useWrite({ refreshes: [path] });
  const unread = list.items.some((notice) => !notice.read);
  return (
    <Panel
      title={t('member:notifications.title')}
      actions={
        unread && (
          <Button
            size="xs"
            variant="subtle"
            loading={read.isPending}
            onClick={() => read.mutate({ method: 'POST', path: `${path}/read-all` })}
          >
            {t('member:notifications.readAll')}
          </Button>
        )
      }
    >
      {list.error && <Failed error={list.error} retry={list.refetch} />}
      {list.isPending && <Loading rows={3} />}
      {!list.isPending && !list.error && list.items.length === 0 && (
        <Empty title={t('member:notifications.empty')} hint={t('member:notifications.emptyHint')} />
      )}
      <Stack gap="sm" role="list" aria-label={t('member:notifications.title')}>
        {list.items.map((notice) => (
          <Row key={notice.id} notice={notice} onRead={() => read.mutate({ method: 'POST', path: `${path}/${notice.id}/read` })} />
        ))}
      </Stack>
      {list.hasMore && (
        <Button variant="default" size="xs" loading={list.isLoadingMore} onClick={list.loadMore}>
          {t('common:actions.loadMore')}
        </Button>
      )}
    </Panel>
  );
}

const icons = { token_suspended: IconPlayerPause, token_invalid: IconAlertTriangle, quota_warning: IconGauge } as const;
const colors = { token_suspended: 'yellow', token_invalid: 'red', quota_warning: 'blue' } as const;

function Row({ notice, onRead }: { readonly notice: Notice; readonly onRead: () => void }) {
  const t = useT('member');
  const format = useFormat();
  const Icon = icons[notice.type];
  return (
    <Group wrap="nowrap" gap="sm" align="flex-start" role="listitem">
      <ThemeIcon variant="light" color={colors[notice.type]} aria-hidden>
        <Icon size={16} />
      </ThemeIcon>
      <Stack gap={2} flex={1} miw={0}>
        <Group gap="xs">
          <Text size="sm" fw={notice.read ? 400 : 650}>
            {t(`member:notifications.types.${notice.type}`)}
          </Text>
          {!notice.read && (
            <Badge size="xs" variant="filled" tt="none">
              {t('member:notifications.new')}
            </Badge>
          )}
        </Group>
        <Text size="sm" className="kg-wrap">
          {noticeText(notice, t, format)}
        </Text>
        <Text size="xs" c="dimmed" component="div">
          <TimeText at={notice.at} />
        </Text>
      </Stack>
      {!notice.read && (
        <Tooltip label={t('member:notifications.read')}>
          <ActionIcon variant="subtle" color="gray" aria-label={t('member:notifications.read')} onClick={onRead}>
            <IconCheck size={16} />
          </ActionIcon>
        </Tooltip>
      )}
    </Group>
  );
}
