/** A state as a coloured word: never by colour alone. */
import { Badge } from '@mantine/core';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'muted';

const colors: Readonly<Record<Tone, string>> = { good: 'teal', warn: 'yellow', bad: 'red', info: 'blue', muted: 'gray' };

/** Dark text on a light ground and the other way round, so that yellow is readable as well. */
export function StatusBadge({ tone, label }: { readonly tone: Tone; readonly label: string }) {
  const color = colors[tone];
  return (
    <Badge
      variant="light"
      color={color}
      c={`light-dark(var(--mantine-color-${color}-9), var(--mantine-color-${color}-2))`}
      tt="none"
      fw={600}
      size="md"
      radius="sm"
    >
      {label}
    </Badge>
  );
}
