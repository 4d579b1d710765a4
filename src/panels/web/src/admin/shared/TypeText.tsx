/** An event type in words; one that this panel does not know yet by its own name. */
import { Text } from '@mantine/core';
import { type Translate, useT } from '../../i18n';
import { allNames, type EventName, shortName } from './eventTypes';

const known: ReadonlySet<string> = new Set(allNames);

export function typeLabel(t: Translate, type: string): string {
  const name = shortName(type);
  return known.has(name) ? t(`admin:types.${name as EventName}`) : name;
}

export function TypeText({ type }: { readonly type: string }) {
  const t = useT('admin');
  return (
    <Text span size="sm" title={shortName(type)}>
      {typeLabel(t, type)}
    </Text>
  );
}
