/** Figures as tiles. */
import { Group, Paper, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';

export function StatGrid({ children }: { readonly children: ReactNode }) {
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }} spacing="sm">
      {children}
    </SimpleGrid>
  );
}

export interface StatProps {
  readonly label: string;
  /** undefined: still loading. */
  readonly value: ReactNode | undefined;
  readonly hint?: ReactNode;
  readonly icon?: ReactNode;
}

export function Stat({ label, value, hint, icon }: StatProps) {
  return (
    <Paper p="md">
      <Stack gap={4}>
        <Group justify="space-between" wrap="nowrap" gap={4} c="dimmed">
          <Text size="xs" fw={600}>
            {label}
          </Text>
          {icon}
        </Group>
        {value === undefined ? (
          <Skeleton height={28} width="60%" />
        ) : (
          <Text fz={24} fw={650} lh={1.2} className="kg-numeric">
            {value}
          </Text>
        )}
        {hint !== undefined && (
          <Text component="div" size="xs" c="dimmed">
            {hint}
          </Text>
        )}
      </Stack>
    </Paper>
  );
}
