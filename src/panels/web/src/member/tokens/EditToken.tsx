/** What a donor may change: name, visibility, daily cap, models. */
import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useWrite } from '../../api/queries';
import { FormAlert } from '../../components/FormAlert';
import { holdsFault } from '../../components/numberText';
import { useLengthRule } from '../../components/useLengthRule';
import { useT } from '../../i18n';
import { changesOf } from '../changes';
import type { Token } from '../types';
import { capRule, LimitInputs } from './SingleDonation';
import { VisibilityInput } from './VisibilityInput';

interface Values {
  readonly name: string;
  readonly visibility: string;
  /** As typed. */
  readonly dailyCap: string;
  readonly allowedModels: string[];
}

const valuesOf = (token: Token): Values => ({
  name: token.name ?? '',
  visibility: token.visibility,
  dailyCap: String(token.dailyCap ?? ''),
  allowedModels: [...(token.allowedModels ?? [])],
});

const bodyOf = ({ name, visibility, dailyCap, allowedModels }: Values) => ({
  name: name.trim() === '' ? null : name,
  visibility,
  dailyCap: dailyCap.trim() === '' ? null : Number(dailyCap),
  allowedModels: allowedModels.length === 0 ? null : allowedModels,
});

export function EditToken({ token, onClose }: { readonly token: Token; readonly onClose: () => void }) {
  const t = useT('member');
  const path = `/user/api/tokens/${token.id}`;
  const save = useWrite<Token>({ refreshes: ['/user/api/tokens'], done: t('member:tokens.saved'), quiet: true });
  const atMost = useLengthRule();
  const form = useForm<Values>({
    initialValues: valuesOf(token),
    validateInputOnBlur: true,
    validate: { name: atMost(100), dailyCap: holdsFault(capRule) },
  });
  const submit = (values: Values): void => {
    const body = changesOf(bodyOf(valuesOf(token)), bodyOf(values));
    if (body === null) onClose();
    else save.mutate({ method: 'PATCH', path, body }, { onSuccess: onClose });
  };
  return (
    <Modal opened onClose={onClose} title={t('member:tokens.edit')}>
      <form onSubmit={form.onSubmit(submit)}>
        <Stack>
          <FormAlert error={save.error} />
          <TextInput label={t('member:tokens.name')} data-autofocus {...form.getInputProps('name')} />
          <VisibilityInput {...form.getInputProps('visibility')} />
          <LimitInputs
            cap={form.values.dailyCap}
            onCap={(text) => form.setFieldValue('dailyCap', text)}
            models={form.getInputProps('allowedModels')}
            noModels={token.allowedModels?.length === 0}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t('common:actions.cancel')}
            </Button>
            <Button type="submit" loading={save.isPending}>
              {t('common:actions.save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
