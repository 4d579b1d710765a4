/** A new import key; its text is shown once. */
import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { LimitedInput } from '../../components/LimitedText';
import { SecretModal } from '../../components/SecretModal';
import { useT } from '../../i18n';
import { FormModal } from '../shared/FormModal';

export const importKeysPath = '/admin/api/import-keys';

interface Issued {
  readonly id: string;
  readonly key: string;
}

export function IssueImportKey({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  const t = useT('admin');
  const [name, setName] = useState('');
  const [userId, setUserId] = useState('');
  const write = useWrite<Issued>({ refreshes: [importKeysPath], quiet: true });
  const close = (): void => {
    setName('');
    setUserId('');
    write.reset();
    onClose();
  };
  if (write.data) {
    return <SecretModal opened={opened} title={t('admin:importKeys.issued')} secret={write.data.key} label={name} onStored={close} />;
  }
  const owner = userId.trim();
  const body = { name: name.trim(), ...(owner === '' ? {} : { userId: owner }) };
  return (
    <FormModal
      opened={opened}
      title={t('admin:importKeys.create')}
      submit={t('admin:common.create')}
      busy={write.isPending}
      error={write.error}
      onSubmit={() => write.mutate({ method: 'POST', path: importKeysPath, body })}
      onClose={close}
    >
      <LimitedInput
        label={t('admin:importKeys.name')}
        required
        data-autofocus
        max={100}
        value={name}
        error={write.error?.param === 'name'}
        onChange={({ currentTarget }) => setName(currentTarget.value)}
      />
      <TextInput
        label={t('admin:importKeys.userId')}
        description={t('admin:importKeys.userIdHint')}
        value={userId}
        error={write.error?.param === 'userId'}
        onChange={({ currentTarget }) => setUserId(currentTarget.value)}
      />
    </FormModal>
  );
}
