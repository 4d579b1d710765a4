/** A state as a coloured word: never by colour alone. */
import { Badge } from '@mantine/core';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'muted';

const colors: Readonly<Record<Tone, string>> = { good: 'teal', warn: 'yellow', bad: 'red', info: 'blue', muted: 'gray' };

export function StatusBadge({ tone, label }: { readonly tone: Tone; readonly label: string }) {
  const color = colors[tone];
  return (
    <Badge variant="light" color={color} tt="none" fw={600} size="md" radius="sm">
      {label}
    </Badge>
  );
}
