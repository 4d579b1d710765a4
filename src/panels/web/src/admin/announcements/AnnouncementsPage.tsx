/** Announcements: written, shown or hidden, for members or for guests as well. */
import { Button, Group, Text } from '@mantine/core';
import { IconSpeakerphone } from '@tabler/icons-react';
import { useState } from 'react';
import { useLive, useSoon } from '../../api/live';
import { useList, useRefresh, useWrite } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { type Column, DataTable } from '../../components/DataTable';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { StatusBadge } from '../../components/StatusBadge';
import { Empty } from '../../components/states';
import { TimeText } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { type Format, useFormat } from '../../i18n/format';
import { announcementEvents, eventStreamPath } from '../shared/eventTypes';
import { type Announcement, AnnouncementForm, announcementsPath } from './AnnouncementForm';

interface Acts {
  readonly edit: (item: Announcement) => void;
  readonly toggle: (item: Announcement) => void;
  readonly remove: (item: Announcement) => void;
}

export function Page() {
  const t = useT('admin');
  const format = useFormat();
  const list = useList<Announcement>(announcementsPath);
  const [editing, setEditing] = useState<Announcement | 'new' | null>(null);
  const [removing, setRemoving] = useState<Announcement | null>(null);
  const toggle = useWrite({ refreshes: [announcementsPath], done: t('admin:announcements.saved') });
  const remove = useWrite({ refreshes: [announcementsPath], done: t('admin:announcements.deleted') });
  const refresh = useRefresh();
  const soon = useSoon(() => refresh([announcementsPath]));
  const live = useLive(eventStreamPath, announcementEvents, soon);
  const acts: Acts = {
    edit: setEditing,
    toggle: ({ id, active }) => toggle.mutate({ method: 'PATCH', path: `${announcementsPath}/${id}`, body: { active: !active } }),
    remove: setRemoving,
  };
  const close = (): void => setRemoving(null);
  return (
    <>
      <PageHeader title={t('admin:announcements.title')} description={t('admin:announcements.lead')}>
        <LiveBadge state={live} />
        <Button leftSection={<IconSpeakerphone size={16} />} onClick={() => setEditing('new')}>
          {t('admin:announcements.write')}
        </Button>
      </PageHeader>
      <DataTable
        label={t('admin:announcements.title')}
        columns={columns(t, format, acts)}
        list={list}
        rowKey={({ id }) => id}
        empty={<Empty title={t('admin:announcements.empty')} hint={t('admin:announcements.emptyHint')} />}
      />
      {editing !== null && (
        <AnnouncementForm
          key={editing === 'new' ? 'new' : editing.id}
          item={editing === 'new' ? null : editing}
          onClose={() => setEditing(null)}
        />
      )}
      <ConfirmModal
        opened={removing !== null}
        title={t('admin:announcements.deleteTitle')}
        confirm={t('admin:announcements.delete')}
        danger
        busy={remove.isPending}
        onConfirm={() => removing && remove.mutate({ method: 'DELETE', path: `${announcementsPath}/${removing.id}` }, { onSettled: close })}
        onClose={close}
      >
        {t('admin:announcements.deleteConfirm')}
      </ConfirmModal>
    </>
  );
}

function columns(t: Translate, format: Format, acts: Acts): readonly Column<Announcement>[] {
  return [
    {
      key: 'content',
      header: t('admin:announcements.content'),
      primary: true,
      width: 260,
      cell: ({ content }) => (
        <Text size="sm" lineClamp={4} className="kg-pre">
          {content}
        </Text>
      ),
    },
    {
      key: 'active',
      header: t('admin:common.status'),
      cell: ({ active }) => (
        <StatusBadge tone={active ? 'good' : 'muted'} label={active ? t('admin:announcements.active') : t('admin:announcements.hidden')} />
      ),
    },
    {
      key: 'audience',
      header: t('admin:announcements.audience'),
      cell: ({ allowGuest }) => (allowGuest ? t('admin:announcements.guests') : t('admin:announcements.membersOnly')),
    },
    { key: 'at', header: t('admin:common.created'), cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    {
      key: 'act',
      header: t('admin:common.actions'),
      align: 'right',
      cell: (item) => <RowActs item={item} acts={acts} t={t} format={format} />,
    },
  ];
}

function RowActs(props: { readonly item: Announcement; readonly acts: Acts; readonly t: Translate; readonly format: Format }) {
  const { item, acts, t, format } = props;
  const time = format.dateTime(item.createdAt);
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      <Button
        size="compact-sm"
        variant="default"
        aria-label={item.active ? t('admin:announcements.hideOf', { time }) : t('admin:announcements.showOf', { time })}
        onClick={() => acts.toggle(item)}
      >
        {item.active ? t('admin:announcements.hide') : t('admin:announcements.show')}
      </Button>
      <Button size="compact-sm" variant="default" aria-label={t('admin:announcements.editOf', { time })} onClick={() => acts.edit(item)}>
        {t('admin:announcements.edit')}
      </Button>
      <Button
        size="compact-sm"
        variant="default"
        aria-label={t('admin:announcements.deleteOf', { time })}
        onClick={() => acts.remove(item)}
      >
        {t('admin:announcements.delete')}
      </Button>
    </Group>
  );
}
