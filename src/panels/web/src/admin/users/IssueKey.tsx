/** A new API key for a member; its text is shown once. */
import { Button, Group, Modal, NumberInput, Stack, TagsInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { CopyOnce } from '../../components/CopyOnce';
import { useT } from '../../i18n';
import { FormModal } from '../shared/FormModal';
import { isoOfLocal } from '../shared/localTime';
import { usersPath } from './types';

interface Issued {
  readonly id: string;
  readonly key: string;
}

const empty = { name: '', rpmLimit: '' as number | '', models: [] as string[], expiresAt: '' };

export interface IssueKeyProps {
  readonly userId: string;
  readonly username: string;
  readonly opened: boolean;
  readonly onClose: () => void;
}

export function IssueKey({ userId, username, opened, onClose }: IssueKeyProps) {
  const t = useT('admin');
  const [form, setForm] = useState(empty);
  const path = `${usersPath}/${userId}/keys`;
  const write = useWrite<Issued>({ refreshes: [path], quiet: true });
  const close = (): void => {
    setForm(empty);
    write.reset();
    onClose();
  };
  const set = (patch: Partial<typeof empty>): void => setForm((before) => ({ ...before, ...patch }));
  const title = t('admin:users.detail.issueTitle', { name: username });
  if (write.data) {
    return (
      <Modal
        opened={opened}
        onClose={close}
        title={t('admin:users.detail.issued')}
        closeButtonProps={{ 'aria-label': t('admin:common.close') }}
      >
        <Stack>
          <CopyOnce secret={write.data.key} label={form.name} />
          <Group justify="flex-end">
            <Button onClick={close}>{t('admin:common.close')}</Button>
          </Group>
        </Stack>
      </Modal>
    );
  }
  const submit = (): void => {
    const { name, rpmLimit, models, expiresAt } = form;
    write.mutate({
      method: 'POST',
      path,
      body: {
        name: name.trim(),
        rpmLimit: rpmLimit === '' ? null : rpmLimit,
        allowedModels: models.length === 0 ? null : models,
        expiresAt: expiresAt === '' ? null : isoOfLocal(expiresAt),
      },
    });
  };
  return (
    <FormModal
      opened={opened}
      title={title}
      submit={t('admin:users.detail.issueKey')}
      busy={write.isPending}
      error={write.error}
      onSubmit={submit}
      onClose={close}
    >
      <KeyFields form={form} set={set} fault={write.error?.param ?? null} />
    </FormModal>
  );
}

interface KeyFieldsProps {
  readonly form: typeof empty;
  readonly set: (patch: Partial<typeof empty>) => void;
  readonly fault: string | null;
}

function KeyFields({ form, set, fault }: KeyFieldsProps) {
  const t = useT('admin');
  return (
    <>
      <TextInput
        label={t('admin:users.detail.keyName')}
        required
        data-autofocus
        maxLength={100}
        value={form.name}
        error={fault === 'name'}
        onChange={({ currentTarget }) => set({ name: currentTarget.value })}
      />
      <NumberInput
        label={t('admin:users.detail.rpm')}
        description={t('admin:users.detail.rpmHint')}
        min={1}
        max={100_000}
        allowDecimal={false}
        value={form.rpmLimit}
        error={fault === 'rpmLimit'}
        onChange={(value) => set({ rpmLimit: typeof value === 'number' ? value : '' })}
      />
      <TagsInput
        label={t('admin:users.detail.models')}
        description={t('admin:users.detail.modelsHint')}
        value={[...form.models]}
        error={fault?.startsWith('allowedModels') ?? false}
        onChange={(models) => set({ models })}
      />
      <TextInput
        label={t('admin:users.detail.expires')}
        type="datetime-local"
        value={form.expiresAt}
        error={fault === 'expiresAt'}
        onChange={({ currentTarget }) => set({ expiresAt: currentTarget.value })}
      />
    </>
  );
}
