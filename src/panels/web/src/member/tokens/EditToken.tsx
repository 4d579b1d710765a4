/** What a donor may change: name, visibility, daily cap, models. */
import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useWrite } from '../../api/queries';
import { FormAlert } from '../../components/FormAlert';
import { useT } from '../../i18n';
import type { Token } from '../types';
import { LimitInputs } from './SingleDonation';
import { VisibilityInput } from './VisibilityInput';

interface Values {
  readonly name: string;
  readonly visibility: string;
  readonly dailyCap: number | string;
  readonly allowedModels: string[];
}

export function EditToken({ token, onClose }: { readonly token: Token; readonly onClose: () => void }) {
  const t = useT('member');
  const path = `/user/api/tokens/${token.id}`;
  const save = useWrite<Token>({ refreshes: ['/user/api/tokens'], done: t('member:tokens.saved'), quiet: true });
  const form = useForm<Values>({
    initialValues: {
      name: token.name ?? '',
      visibility: token.visibility,
      dailyCap: token.dailyCap ?? '',
      allowedModels: [...(token.allowedModels ?? [])],
    },
  });
  const submit = ({ name, visibility, dailyCap, allowedModels }: Values): void => {
    const body = {
      name: name.trim() === '' ? null : name,
      // A change that changes nothing is not an event.
      ...(visibility === token.visibility ? {} : { visibility }),
      dailyCap: dailyCap === '' ? null : Number(dailyCap),
      allowedModels: allowedModels.length === 0 ? null : allowedModels,
    };
    save.mutate({ method: 'PATCH', path, body }, { onSuccess: onClose });
  };
  return (
    <Modal opened onClose={onClose} title={t('member:tokens.edit')}>
      <form onSubmit={form.onSubmit(submit)}>
        <Stack>
          <FormAlert error={save.error} />
          <TextInput label={t('member:tokens.name')} maxLength={100} data-autofocus {...form.getInputProps('name')} />
          <VisibilityInput {...form.getInputProps('visibility')} />
          <LimitInputs cap={form.getInputProps('dailyCap')} models={form.getInputProps('allowedModels')} />
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
