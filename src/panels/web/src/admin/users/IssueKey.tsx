/** A new API key for a member; its text is shown once. */
import { TagsInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { LimitedInput } from '../../components/LimitedText';
import { NumberField } from '../../components/NumberField';
import { readNumber } from '../../components/numberText';
import { SecretModal } from '../../components/SecretModal';
import { useT } from '../../i18n';
import { FormModal } from '../shared/FormModal';
import { isoOfLocal } from '../shared/localTime';
import { usersPath } from './types';

interface Issued {
  readonly id: string;
  readonly key: string;
}

const rpmRule = { whole: true, min: 1, max: 100_000 };
const empty = { name: '', rpmLimit: '', models: [] as string[], expiresAt: '' };

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
      <SecretModal opened={opened} title={t('admin:users.detail.issued')} secret={write.data.key} label={form.name} onStored={close} />
    );
  }
  const submit = (): void => {
    const { name, models, expiresAt } = form;
    const rpm = form.rpmLimit.trim() === '' ? { value: null } : readNumber(form.rpmLimit, rpmRule);
    if ('fault' in rpm) return;
    write.mutate({
      method: 'POST',
      path,
      body: {
        name: name.trim(),
        rpmLimit: rpm.value,
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
      <LimitedInput
        label={t('admin:users.detail.keyName')}
        required
        data-autofocus
        max={100}
        value={form.name}
        error={fault === 'name'}
        onChange={({ currentTarget }) => set({ name: currentTarget.value })}
      />
      <NumberField
        label={t('admin:users.detail.rpm')}
        description={t('admin:users.detail.rpmHint')}
        text={form.rpmLimit}
        rule={rpmRule}
        optional
        error={fault === 'rpmLimit'}
        onChange={(rpmLimit) => set({ rpmLimit })}
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
