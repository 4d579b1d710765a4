/** Writes a new announcement or edits one. */
import { Alert, Button, Checkbox, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { LimitedArea } from '../../components/LimitedText';
import { LongText } from '../../components/LongText';
import { useT } from '../../i18n';
import { FormModal } from '../shared/FormModal';
import { type Draft, patchOf, theirsOf } from './edits';

export interface Announcement extends Draft {
  readonly id: string;
  readonly createdAt: string;
}

export const announcementsPath = '/admin/api/announcements';

const empty: Draft = { content: '', active: true, allowGuest: false };

/** `item` null: a new one. */
export function AnnouncementForm({ item, onClose }: { readonly item: Announcement | null; readonly onClose: () => void }) {
  const t = useT('admin');
  const [shown, setShown] = useState<Draft>(item ?? empty);
  const [draft, setDraft] = useState(shown);
  const set = (patch: Partial<Draft>): void => setDraft((before) => ({ ...before, ...patch }));
  const write = useWrite({ refreshes: [announcementsPath], quiet: true, done: t('admin:announcements.saved') });
  const theirs = write.error && theirsOf(write.error.details);
  const { content, active, allowGuest } = draft;
  const submit = (): void => {
    const request =
      item === null
        ? ({ method: 'POST', path: announcementsPath, body: { content, active, allowGuest } } as const)
        : ({ method: 'PATCH', path: `${announcementsPath}/${item.id}`, body: patchOf(shown, draft) } as const);
    // Who saves again after a conflict has seen what it says now.
    write.mutate(request, { onSuccess: onClose, onError: ({ details }) => setShown((before) => theirsOf(details) ?? before) });
  };
  const takeTheirs = (): void => {
    setDraft(shown);
    write.reset();
  };
  return (
    <FormModal
      opened
      title={item === null ? t('admin:announcements.write') : t('admin:announcements.editTitle')}
      submit={t('admin:common.save')}
      busy={write.isPending}
      error={theirs ? null : write.error}
      onSubmit={submit}
      onClose={onClose}
    >
      {theirs && <Theirs theirs={theirs} onTake={takeTheirs} />}
      <LimitedArea
        label={t('admin:announcements.content')}
        description={t('admin:announcements.contentHint')}
        required
        autosize
        minRows={4}
        maxRows={14}
        max={10_000}
        data-autofocus
        value={content}
        error={!theirs && write.error?.param === 'content'}
        onChange={({ currentTarget }) => set({ content: currentTarget.value })}
      />
      <Checkbox
        label={t('admin:announcements.activeLabel')}
        checked={active}
        onChange={({ currentTarget }) => set({ active: currentTarget.checked })}
      />
      <Checkbox
        label={t('admin:announcements.allowGuest')}
        checked={allowGuest}
        onChange={({ currentTarget }) => set({ allowGuest: currentTarget.checked })}
      />
    </FormModal>
  );
}

function Theirs({ theirs, onTake }: { readonly theirs: Draft; readonly onTake: () => void }) {
  const t = useT('admin');
  const says = [
    theirs.active ? t('admin:announcements.active') : t('admin:announcements.hidden'),
    theirs.allowGuest ? t('admin:announcements.guests') : t('admin:announcements.membersOnly'),
  ];
  return (
    <Alert color="yellow" role="alert" title={t('admin:announcements.conflictTitle')}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{t('admin:announcements.conflictBody')}</Text>
        <LongText text={theirs.content} />
        <Text size="xs">{says.join(' · ')}</Text>
        <Button size="compact-sm" variant="default" onClick={onTake}>
          {t('admin:announcements.takeTheirs')}
        </Button>
      </Stack>
    </Alert>
  );
}
