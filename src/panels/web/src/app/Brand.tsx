/** The product's name as the way home. */
import { Anchor, Badge, Group, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';

export function Brand({ to, suffix }: { readonly to: string; readonly suffix?: string }) {
  return (
    <Anchor renderRoot={(props) => <Link to={to} {...props} />} underline="never" c="inherit">
      <Group gap={8} wrap="nowrap">
        <img src="/favicon.svg" width={24} height={24} alt="" />
        <Text fw={700}>KiroGate</Text>
        {suffix !== undefined && suffix !== '' && (
          <Badge variant="default" size="sm" tt="none" visibleFrom="xs">
            {suffix}
          </Badge>
        )}
      </Group>
    </Anchor>
  );
}
