/** Whether the figures of a page follow events right now; says so when the connection is lost and when it is back. */
import { Badge } from '@mantine/core';
import type { FeedState } from '../api/eventFeed';
import { useT } from '../i18n';

const colors: Readonly<Record<'open' | 'lost', string>> = { open: 'teal', lost: 'red' };

export function LiveBadge({ state }: { readonly state: FeedState }) {
  const t = useT();
  // Not yet connected, or a node that has no such stream: nothing to tell.
  if (state === 'connecting') return null;
  const color = colors[state];
  return (
    <Badge
      role="status"
      variant="dot"
      color={color}
      tt="none"
      fw={500}
      c={state === 'lost' ? 'light-dark(var(--mantine-color-red-9), var(--mantine-color-red-3))' : 'var(--mantine-color-text)'}
    >
      {t(`common:live.${state}`)}
    </Badge>
  );
}
