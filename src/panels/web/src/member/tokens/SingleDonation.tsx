/** One token by its fields. */
import { Button, Group, PasswordInput, Select, SimpleGrid, Stack, TagsInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useWrite } from '../../api/queries';
import { FormAlert } from '../../components/FormAlert';
import { NumberField } from '../../components/NumberField';
import { holdsFault } from '../../components/numberText';
import { useLengthRule } from '../../components/useLengthRule';
import { useT } from '../../i18n';
import { VisibilityInput } from './VisibilityInput';

const initialValues = {
  name: '',
  authType: 'social',
  refreshToken: '',
  clientId: '',
  clientSecret: '',
  region: '',
  profileArn: '',
  visibility: 'public',
  /** As typed. */
  dailyCap: '',
  allowedModels: [] as string[],
};

/** Only what was filled in: the upstream fills the rest. */
function bodyOf(values: typeof initialValues): Record<string, unknown> {
  const { dailyCap, allowedModels, ...texts } = values;
  const filled = Object.fromEntries(Object.entries(texts).filter(([, text]) => text.trim() !== ''));
  return {
    provider: 'kiro',
    ...filled,
    ...(dailyCap.trim() === '' ? {} : { dailyCap: Number(dailyCap) }),
    ...(allowedModels.length === 0 ? {} : { allowedModels }),
  };
}

export function SingleDonation({ entitled, onDone }: { readonly entitled: boolean; readonly onDone: () => void }) {
  const t = useT('member');
  const save = useWrite<{ id: string }>({
    refreshes: ['/user/api/tokens', '/user/api/stats'],
    done: t('member:donate.done'),
    quiet: true,
  });
  const atMost = useLengthRule();
  const form = useForm({
    initialValues,
    validateInputOnBlur: true,
    validate: { name: atMost(100), region: atMost(50), profileArn: atMost(500), dailyCap: holdsFault(capRule) },
  });
  const withClient = form.values.authType !== 'social';
  return (
    <form
      onSubmit={form.onSubmit((values) =>
        save.mutate({ method: 'POST', path: '/user/api/tokens', body: bodyOf(values) }, { onSuccess: onDone }),
      )}
    >
      <Stack>
        <FormAlert error={save.error} />
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput label={t('member:tokens.name')} description={t('member:donate.nameHint')} {...form.getInputProps('name')} />
          <Select
            label={t('member:donate.authType')}
            description={t('member:donate.authTypeHint')}
            data={[
              { value: 'social', label: t('member:donate.authTypes.social') },
              { value: 'builder_id', label: t('member:donate.authTypes.builder_id') },
              { value: 'idc', label: t('member:donate.authTypes.idc') },
            ]}
            allowDeselect={false}
            {...form.getInputProps('authType')}
          />
        </SimpleGrid>
        <PasswordInput
          label={t('member:donate.refreshToken')}
          description={t('member:donate.refreshTokenHint')}
          visibilityToggleButtonProps={{ 'aria-label': t('member:donate.showSecret') }}
          autoComplete="off"
          required
          {...form.getInputProps('refreshToken')}
        />
        {withClient && (
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TextInput label={t('member:donate.clientId')} autoComplete="off" required {...form.getInputProps('clientId')} />
            <PasswordInput
              label={t('member:donate.clientSecret')}
              visibilityToggleButtonProps={{ 'aria-label': t('member:donate.showSecret') }}
              autoComplete="off"
              required
              {...form.getInputProps('clientSecret')}
            />
          </SimpleGrid>
        )}
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput label={t('member:donate.region')} placeholder="us-east-1" {...form.getInputProps('region')} />
          <TextInput label={t('member:donate.profileArn')} {...form.getInputProps('profileArn')} />
        </SimpleGrid>
        <VisibilityInput {...form.getInputProps('visibility')} />
        <LimitInputs
          cap={form.values.dailyCap}
          onCap={(text) => form.setFieldValue('dailyCap', text)}
          models={form.getInputProps('allowedModels')}
        />
        <Group justify="flex-end">
          <Button type="submit" loading={save.isPending} disabled={!entitled}>
            {t('member:tokens.donate')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export const capRule = { whole: true, min: 1, max: 1_000_000_000 };

interface LimitInputsProps {
  /** As typed. */
  readonly cap: string;
  readonly onCap: (text: string) => void;
  readonly models: object;
  readonly noModels?: boolean;
}

/** What the donor allows: requests a day, and models. */
export function LimitInputs({ cap, onCap, models, noModels = false }: LimitInputsProps) {
  const t = useT('member');
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }}>
      <NumberField
        label={t('member:tokens.dailyCap')}
        description={t('member:donate.dailyCapHint')}
        rule={capRule}
        optional
        text={cap}
        onChange={onCap}
      />
      <TagsInput
        label={t('member:tokens.models')}
        description={noModels ? t('member:keys.noModelsHint') : t('member:donate.modelsHint')}
        splitChars={[',', ' ']}
        acceptValueOnBlur
        clearable
        {...models}
      />
    </SimpleGrid>
  );
}
