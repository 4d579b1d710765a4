/** A state as a coloured word: never by colour alone. */
import { Badge } from '@mantine/core';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'muted';

const colors: Readonly<Record<Tone, string>> = { good: 'teal', warn: 'yellow', bad: 'red', info: 'blue', muted: 'gray' };

export interface StatusBadgeProps {
  readonly tone: Tone;
  readonly label: string;
  /** The label may be long, a list of names: it goes on in a second line instead of making its place wider. */
  readonly wraps?: boolean;
}

export function StatusBadge({ tone, label, wraps }: StatusBadgeProps) {
  const color = colors[tone];
  return (
    <Badge variant="light" color={color} tt="none" fw={600} size="md" radius="sm" {...(wraps && { className: 'kg-wrapping' })}>
      {label}
    </Badge>
  );
}
