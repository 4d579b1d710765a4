/** A text as it was written; a long one shows its beginning, and all of it on demand. */
import { Spoiler, Text } from '@mantine/core';
import { useT } from '../i18n';

/** Eight lines. */
const shownPx = 163;

export function LongText({ text }: { readonly text: string }) {
  const t = useT();
  return (
    <Spoiler maxHeight={shownPx} showLabel={t('common:actions.showAll')} hideLabel={t('common:actions.showLess')}>
      <Text size="sm" className="kg-pre">
        {text}
      </Text>
    </Spoiler>
  );
}
