/** Puts a credential into the pool. Which fields it takes depends on its kind; what does not fit, the API refuses by field. */
import { Alert, NativeSelect, PasswordInput, SegmentedControl, TagsInput, TextInput } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { useState } from 'react';
import { useWrite } from '../../api/queries';
import { LimitedInput } from '../../components/LimitedText';
import { useT } from '../../i18n';
import { FormModal } from '../shared/FormModal';
import { bodyOf, emptyForm, fieldsOf, kinds, type TokenForm } from './addForm';
import { tokensPath } from './types';

export function AddToken({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  const t = useT('admin');
  const [form, setForm] = useState(emptyForm);
  const write = useWrite<{ id: string }>({ refreshes: [tokensPath], quiet: true, done: t('admin:tokens.form.added') });
  const close = (): void => {
    setForm(emptyForm);
    write.reset();
    onClose();
  };
  const set = (patch: Partial<TokenForm>): void => setForm((before) => ({ ...before, ...patch }));
  return (
    <FormModal
      opened={opened}
      title={t('admin:tokens.form.title')}
      submit={t('admin:tokens.form.submit')}
      busy={write.isPending}
      error={write.error}
      onSubmit={() => write.mutate({ method: 'POST', path: tokensPath, body: bodyOf(form) }, { onSuccess: close })}
      onClose={close}
    >
      <Alert variant="light" icon={<IconInfoCircle size={18} />}>
        {t('admin:tokens.form.entitled')}
      </Alert>
      <NativeSelect
        label={t('admin:tokens.form.kind')}
        value={form.kind}
        data={kinds.map((value) => ({ value, label: t(`admin:tokens.form.kinds.${value}`) }))}
        error={['provider', 'authType'].includes(write.error?.param ?? '')}
        onChange={({ currentTarget: { value } }) => {
          write.reset();
          set({ kind: kinds.find((kind) => kind === value) ?? 'social' });
        }}
      />
      <KindFields form={form} set={set} fault={write.error?.param ?? null} />
      <CommonFields form={form} set={set} fault={write.error?.param ?? null} />
    </FormModal>
  );
}

interface FieldsProps {
  readonly form: TokenForm;
  readonly set: (patch: Partial<TokenForm>) => void;
  readonly fault: string | null;
}

const secret = new Set(['refreshToken', 'clientSecret', 'apiKey']);

function KindFields({ form, set, fault }: FieldsProps) {
  const t = useT('admin');
  return fieldsOf(form.kind).map((name) => {
    if (name === 'models') {
      return (
        <TagsInput
          key={name}
          label={t('admin:tokens.form.models')}
          description={t('admin:tokens.form.modelsHint')}
          value={[...form.models]}
          error={fault?.startsWith('models') ?? false}
          onChange={(models) => set({ models })}
        />
      );
    }
    const props = {
      label: t(`admin:tokens.form.${name}`),
      value: form[name],
      error: fault === name,
      autoComplete: 'off',
      spellCheck: false,
      onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) => set({ [name]: value }),
    };
    return secret.has(name) ? (
      <PasswordInput key={name} {...props} required visibilityToggleButtonProps={{ 'aria-label': t('admin:users.showPassword') }} />
    ) : (
      <TextInput key={name} {...props} required={name === 'baseUrl' || name === 'clientId'} />
    );
  });
}

function CommonFields({ form, set, fault }: FieldsProps) {
  const t = useT('admin');
  return (
    <>
      <LimitedInput
        label={t('admin:tokens.form.name')}
        max={100}
        value={form.name}
        error={fault === 'name'}
        onChange={({ currentTarget }) => set({ name: currentTarget.value })}
      />
      <SegmentedControl
        aria-label={t('admin:tokens.form.visibility')}
        value={form.visibility}
        data={[
          { value: 'public', label: t('admin:tokens.form.visibilityPublic') },
          { value: 'private', label: t('admin:tokens.form.visibilityPrivate') },
        ]}
        onChange={(value) => set({ visibility: value === 'private' ? 'private' : 'public' })}
      />
      <TextInput
        label={t('admin:tokens.form.userId')}
        description={t('admin:tokens.form.userIdHint')}
        value={form.userId}
        error={fault === 'userId'}
        onChange={({ currentTarget }) => set({ userId: currentTarget.value })}
      />
    </>
  );
}
