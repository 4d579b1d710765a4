/** An id in a fixed-width face, shortened in lists; the whole of it on hover. */
import { Text } from '@mantine/core';

export function IdText({ id, whole }: { readonly id: string | null; readonly whole?: boolean }) {
  if (id === null || id === '') return <Text span>–</Text>;
  const shown = whole || id.length <= 12 ? id : `${id.slice(0, 10)}…`;
  return (
    <Text span ff="monospace" fz="xs" title={id} className="kg-wrap">
      {shown}
    </Text>
  );
}
