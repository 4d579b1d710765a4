/** Names and values below each other: the facts of one thing. */
import { SimpleGrid, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';

export type Fact = readonly [label: string, value: ReactNode];

export function Facts({ facts, cols = 2 }: { readonly facts: readonly Fact[]; readonly cols?: number }) {
  return (
    <SimpleGrid component="dl" cols={{ base: 1, xs: cols }} spacing="sm" verticalSpacing="xs" m={0}>
      {facts.map(([label, value]) => (
        <Stack key={label} gap={0} component="div" miw={0}>
          <Text component="dt" size="xs" c="dimmed">
            {label}
          </Text>
          <Text component="dd" size="sm" m={0} className="kg-wrap">
            {value ?? '–'}
          </Text>
        </Stack>
      ))}
    </SimpleGrid>
  );
}
