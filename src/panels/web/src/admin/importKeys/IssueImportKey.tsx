/** A new import key; its text is shown once. */
import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { CopyOnce } from '../../components/CopyOnce';
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
    return (
      <Modal
        opened={opened}
        onClose={close}
        title={t('admin:importKeys.issued')}
        closeButtonProps={{ 'aria-label': t('admin:common.close') }}
      >
        <Stack>
          <CopyOnce secret={write.data.key} label={name} />
          <Group justify="flex-end">
            <Button onClick={close}>{t('admin:common.close')}</Button>
          </Group>
        </Stack>
      </Modal>
    );
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
      <TextInput
        label={t('admin:importKeys.name')}
        required
        data-autofocus
        maxLength={100}
        value={name}
        error={write.error?.param === 'name'}
        onChange={({ currentTarget }) => setName(currentTarget.value)}
      />
      <TextInput
        label={t('admin:importKeys.userId')}
        description={t('admin:importKeys.userIdHint')}
        maxLength={64}
        value={userId}
        error={write.error?.param === 'userId'}
        onChange={({ currentTarget }) => setUserId(currentTarget.value)}
      />
    </FormModal>
  );
}
