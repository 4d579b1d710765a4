/** Counts by name with a bar each, largest first. */
import { Button, Group, Progress, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { Panel } from '../../components/Panel';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type { Counts } from './types';

export interface BreakdownProps {
  readonly title: string;
  readonly counts: Counts;
  /** What a full bar stands for. */
  readonly total: number;
  readonly tone?: 'bad';
}

/** Clients choose model names: a list of hundreds opens when it is asked for. */
const firstRows = 8;

export function Breakdown({ title, counts, total, tone }: BreakdownProps) {
  const t = useT('admin');
  const [all, setAll] = useState(false);
  const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return (
    <Panel title={title}>
      {rows.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('admin:metrics.none')}
        </Text>
      )}
      <Stack gap="xs" role="list" aria-label={title}>
        {(all ? rows : rows.slice(0, firstRows)).map(([name, count]) => (
          <Bar key={name} name={name} count={count} share={total === 0 ? 0 : count / total} color={tone === 'bad' ? 'red' : 'brand'} />
        ))}
      </Stack>
      {!all && rows.length > firstRows && (
        <Button size="xs" variant="default" onClick={() => setAll(true)}>
          {t('admin:common.all')} ({rows.length})
        </Button>
      )}
    </Panel>
  );
}

function Bar({
  name,
  count,
  share,
  color,
}: {
  readonly name: string;
  readonly count: number;
  readonly share: number;
  readonly color: string;
}) {
  const format = useFormat();
  return (
    <Stack gap={2} role="listitem">
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <Text size="sm" className="kg-wrap">
          {name === '' ? '–' : name}
        </Text>
        <Text size="sm" className="kg-numeric" fw={600}>
          {format.number(count)}
        </Text>
      </Group>
      <Progress value={Math.min(100, share * 100)} size="sm" color={color} aria-label={name === '' ? '–' : name} />
    </Stack>
  );
}
