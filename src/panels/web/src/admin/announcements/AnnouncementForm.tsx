/** Writes a new announcement or edits one. */
import { Checkbox, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { useT } from '../../i18n';
import { FormModal } from '../shared/FormModal';

export interface Announcement {
  readonly id: string;
  readonly content: string;
  readonly active: boolean;
  readonly allowGuest: boolean;
  readonly createdAt: string;
}

export const announcementsPath = '/admin/api/announcements';

/** `item` null: a new one. */
export function AnnouncementForm({ item, onClose }: { readonly item: Announcement | null; readonly onClose: () => void }) {
  const t = useT('admin');
  const [content, setContent] = useState(item?.content ?? '');
  const [active, setActive] = useState(item?.active ?? true);
  const [allowGuest, setAllowGuest] = useState(item?.allowGuest ?? false);
  const write = useWrite({ refreshes: [announcementsPath], quiet: true, done: t('admin:announcements.saved') });
  const submit = (): void => {
    const body = { content, active, allowGuest };
    const where =
      item === null
        ? ({ method: 'POST', path: announcementsPath } as const)
        : ({ method: 'PATCH', path: `${announcementsPath}/${item.id}` } as const);
    write.mutate({ ...where, body }, { onSuccess: onClose });
  };
  return (
    <FormModal
      opened
      title={item === null ? t('admin:announcements.write') : t('admin:announcements.editTitle')}
      submit={t('admin:common.save')}
      busy={write.isPending}
      error={write.error}
      onSubmit={submit}
      onClose={onClose}
    >
      <Textarea
        label={t('admin:announcements.content')}
        description={t('admin:announcements.contentHint')}
        required
        autosize
        minRows={4}
        maxRows={14}
        maxLength={10_000}
        data-autofocus
        value={content}
        error={write.error?.param === 'content'}
        onChange={({ currentTarget }) => setContent(currentTarget.value)}
      />
      <Checkbox
        label={t('admin:announcements.activeLabel')}
        checked={active}
        onChange={({ currentTarget }) => setActive(currentTarget.checked)}
      />
      <Checkbox
        label={t('admin:announcements.allowGuest')}
        checked={allowGuest}
        onChange={({ currentTarget }) => setAllowGuest(currentTarget.checked)}
      />
    </FormModal>
  );
}
