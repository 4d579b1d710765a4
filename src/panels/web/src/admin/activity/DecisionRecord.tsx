/** Which tokens were considered for a request, with scores, and why each was taken or not. */
import { Box, Group, Progress, Stack, Table, Text, Title } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import type admin from '../../locales/en/admin.json';
import { goodColor } from '../shared/colors';
import { TokenLink } from '../shared/TokenLink';
import type { Decision } from './types';

type Reason = keyof typeof admin.activity.reasons;
type Refused = keyof typeof admin.activity.refused;
const reasons: ReadonlySet<string> = new Set<Reason>(['own', 'affinity', 'score', 'only', 'probe']);
const refusals: ReadonlySet<string> = new Set<Refused>([
  'busy',
  'rpm',
  'rph',
  'cooling',
  'rotation',
  'suspended',
  'invalid',
  'credits',
  'daily_cap',
  'private',
  'model',
  'tried',
  'probing',
  'breaker',
]);

export function DecisionRecord({ decision }: { readonly decision: Decision | undefined }) {
  const t = useT('admin');
  const chosen = decision?.chosen ?? null;
  return (
    <Stack gap="xs">
      <Title order={3}>{t('admin:activity.decision')}</Title>
      {decision === undefined ? (
        <Text size="sm" c="dimmed">
          {t('admin:activity.decisionNone')}
        </Text>
      ) : (
        <>
          <Text size="sm">
            {decision.reason !== null && reasons.has(decision.reason) && `${t(`admin:activity.reasons.${decision.reason as Reason}`)} `}
            {t('admin:activity.considered', { count: decision.considered })}
          </Text>
          {decision.candidates.length > 0 && <Candidates decision={decision} chosen={chosen} />}
        </>
      )}
    </Stack>
  );
}

function Candidates({ decision, chosen }: { readonly decision: Decision; readonly chosen: string | null }) {
  const t = useT('admin');
  const format = useFormat();
  return (
    <Table aria-label={t('admin:activity.decision')} className="kg-table">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('admin:activity.token')}</Table.Th>
          <Table.Th>{t('admin:activity.score')}</Table.Th>
          <Table.Th>{t('admin:activity.verdict')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {decision.candidates.map(({ tokenId, score, refused }) => (
          <Table.Tr key={tokenId}>
            <Table.Td>
              <TokenLink id={tokenId} />
            </Table.Td>
            <Table.Td>
              <Box w={72}>
                <Text size="xs" className="kg-numeric">
                  {format.percent(score)}
                </Text>
                <Progress value={score * 100} size="xs" aria-label={t('admin:activity.score')} />
              </Box>
            </Table.Td>
            <Table.Td>
              <Verdict refused={refused} chosen={tokenId === chosen} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Verdict({ refused, chosen }: { readonly refused: string | null; readonly chosen: boolean }) {
  const t = useT('admin');
  if (chosen) {
    return (
      <Group gap={4} wrap="nowrap" c={goodColor}>
        <IconCheck size={16} aria-hidden />
        <Text size="sm" fw={600}>
          {t('admin:activity.chosen')}
        </Text>
      </Group>
    );
  }
  const why =
    refused === null ? t('admin:activity.notNeeded') : refusals.has(refused) ? t(`admin:activity.refused.${refused as Refused}`) : refused;
  return <Text size="sm">{why}</Text>;
}
