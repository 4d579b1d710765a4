/** Each call of an upstream that a request made. */
import { Group, Stack, Text, Timeline, Title } from '@mantine/core';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { badColor } from '../shared/colors';
import { TokenLink } from '../shared/TokenLink';
import type { Attempt } from './types';

export function Attempts({ attempts }: { readonly attempts: readonly Attempt[] }) {
  const t = useT('admin');
  const format = useFormat();
  return (
    <Stack gap="xs">
      <Title order={3}>{t('admin:activity.attempts')}</Title>
      <Timeline bulletSize={14} lineWidth={2} active={attempts.length}>
        {attempts.map((attempt, index) => (
          <Timeline.Item
            key={attempt.attemptId}
            color={attempt.outcome === 'success' ? 'teal' : 'red'}
            title={t('admin:activity.attempt', { n: index + 1 })}
          >
            <Group gap="xs">
              <Text size="sm" fw={600} {...(attempt.outcome !== 'success' && { c: badColor })}>
                {t(`admin:activity.attemptOutcomes.${attempt.outcome}`)}
                {attempt.status !== null && ` ${attempt.status}`}
              </Text>
              <TokenLink id={attempt.tokenId} />
              <Text size="sm">{format.duration(attempt.durationUs / 1_000)}</Text>
            </Group>
            <Text size="xs" c="dimmed">
              {format.dateTime(new Date(attempt.startedAt).toISOString())}
              {attempt.failure !== null && ` · ${attempt.failure}`}
              {attempt.respondedAt === null && ` · ${t('admin:activity.notSent')}`}
            </Text>
          </Timeline.Item>
        ))}
      </Timeline>
    </Stack>
  );
}
