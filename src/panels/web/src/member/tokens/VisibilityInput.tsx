/** Public: everybody's requests may use it. Private: only the owner's. */
import { Group, Radio } from '@mantine/core';
import { useT } from '../../i18n';

export interface VisibilityInputProps {
  readonly value?: string;
  readonly defaultValue?: string;
  readonly onChange?: (value: string) => void;
}

export function VisibilityInput(props: VisibilityInputProps) {
  const t = useT('member');
  return (
    <Radio.Group label={t('member:tokens.visibility')} description={t('member:donate.visibilityHint')} {...props}>
      <Group mt="xs">
        <Radio value="public" label={t('member:tokens.visibilities.public')} />
        <Radio value="private" label={t('member:tokens.visibilities.private')} />
      </Group>
    </Radio.Group>
  );
}
