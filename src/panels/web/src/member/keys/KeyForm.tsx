/** The form of a key; a new one shows the key once, with settings for the usual clients. */
import { Button, Group, Modal, Stack, TagsInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { FormAlert } from '../../components/FormAlert';
import { NumberField } from '../../components/NumberField';
import { holdsFault } from '../../components/numberText';
import { SecretModal } from '../../components/SecretModal';
import { useLengthRule } from '../../components/useLengthRule';
import { useT } from '../../i18n';
import { changesOf } from '../changes';
import type { ApiKey } from '../types';
import { ClientSettings } from './ClientSettings';
import { bodyOf, type KeyValues, valuesOf } from './keyValues';

const path = '/user/api/keys';
const rpmRule = { whole: true, min: 1, max: 100_000 };

/** `existing` null: a new key. */
export function KeyForm({ existing, onClose }: { readonly existing: ApiKey | null; readonly onClose: () => void }) {
  const t = useT('member');
  const [issued, setIssued] = useState<string | null>(null);
  const save = useWrite<{ key?: string }>({ refreshes: [path], quiet: true });
  const atMost = useLengthRule();
  const form = useForm<KeyValues>({
    initialValues: valuesOf(existing),
    validateInputOnBlur: true,
    validate: { name: atMost(100), rpmLimit: holdsFault(rpmRule) },
  });
  if (issued !== null) {
    return (
      <SecretModal opened title={t('member:keys.madeTitle')} secret={issued} label={t('member:keys.key')} size="lg" onStored={onClose}>
        <ClientSettings apiKey={issued} />
      </SecretModal>
    );
  }
  const submit = (values: KeyValues): void => {
    const body = existing === null ? bodyOf(values) : changesOf(bodyOf(valuesOf(existing)), bodyOf(values));
    if (body === null) onClose();
    else
      save.mutate(existing === null ? { method: 'POST', path, body } : { method: 'PATCH', path: `${path}/${existing.id}`, body }, {
        onSuccess: ({ key }) => (key === undefined ? onClose() : setIssued(key)),
      });
  };
  return (
    <Modal opened onClose={onClose} title={existing === null ? t('member:keys.create') : t('member:keys.edit')}>
      <form onSubmit={form.onSubmit(submit)}>
        <Stack>
          <FormAlert error={save.error} />
          <TextInput
            label={t('member:keys.name')}
            description={t('member:keys.nameHint')}
            required
            data-autofocus
            {...form.getInputProps('name')}
          />
          <NumberField
            label={t('member:keys.rpm')}
            description={t('member:keys.rpmHint')}
            rule={rpmRule}
            optional
            text={form.values.rpmLimit}
            onChange={(text) => form.setFieldValue('rpmLimit', text)}
          />
          <TagsInput
            label={t('member:keys.models')}
            description={existing?.allowedModels?.length === 0 ? t('member:keys.noModelsHint') : t('member:keys.modelsHint')}
            splitChars={[',', ' ']}
            acceptValueOnBlur
            clearable
            {...form.getInputProps('allowedModels')}
          />
          <TextInput
            type="datetime-local"
            label={t('member:keys.expires')}
            description={t('member:keys.expiresHint')}
            {...form.getInputProps('expiresAt')}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t('common:actions.cancel')}
            </Button>
            <Button type="submit" loading={save.isPending}>
              {existing === null ? t('common:actions.create') : t('common:actions.save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
