/** The list of tokens: what is used of each limit, risk that stands out, state with its reason. */
import { Badge, Stack, Text, UnstyledButton } from '@mantine/core';
import { IconAlertTriangleFilled } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { List } from '../../api/queries';
import { type Column, DataTable } from '../../components/DataTable';
import { StatusBadge } from '../../components/StatusBadge';
import { NumberText, RateText, TimeText, UsedLimit } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { linkColor } from '../shared/colors';
import { UserLink } from '../shared/UserLink';
import { TokenActs } from './TokenActs';
import { nameOf, type Token, tokenTones } from './types';

export interface TokenTableProps {
  readonly list: List<Token>;
  readonly onOpen: (id: string) => void;
  readonly empty: ReactNode;
}

export function TokenTable({ list, onOpen, empty }: TokenTableProps) {
  const t = useT('admin');
  return (
    <DataTable
      label={t('admin:tokens.title')}
      columns={columns(t, onOpen)}
      list={list}
      rowKey={({ id }) => id}
      tone={({ highRisk }) => (highRisk ? 'danger' : undefined)}
      empty={empty}
    />
  );
}

function columns(t: Translate, onOpen: (id: string) => void): readonly Column<Token>[] {
  return [
    {
      key: 'name',
      header: t('admin:tokens.name'),
      primary: true,
      width: 170,
      cell: (token) => <NameCell token={token} onOpen={onOpen} />,
    },
    { key: 'status', header: t('admin:common.status'), width: 130, cell: (token) => <StatusCell token={token} /> },
    { key: 'risk', header: t('admin:tokens.risk'), width: 110, cell: (token) => <RiskCell token={token} /> },
    { key: 'rpm', header: t('admin:tokens.rpm'), cell: ({ rpm }) => <UsedLimit {...rpm} label={t('admin:tokens.rpm')} /> },
    { key: 'rph', header: t('admin:tokens.rph'), cell: ({ rph }) => <UsedLimit {...rph} label={t('admin:tokens.rph')} /> },
    {
      key: 'concurrency',
      header: t('admin:tokens.concurrency'),
      cell: ({ concurrency }) => <UsedLimit {...concurrency} label={t('admin:tokens.concurrency')} />,
    },
    {
      key: 'fails',
      header: t('admin:tokens.fails'),
      align: 'right',
      cell: ({ consecutiveFails }) => <NumberText value={consecutiveFails} />,
    },
    {
      key: 'success',
      header: t('admin:tokens.successRate'),
      align: 'right',
      cell: ({ successRate, attempts }) => <RateText value={successRate} of={attempts} />,
    },
    {
      key: 'lastUsed',
      header: t('admin:tokens.lastUsed'),
      cell: ({ lastUsedAt }) => <TimeText at={lastUsedAt} never={t('admin:common.never')} />,
    },
    { key: 'act', header: t('admin:common.actions'), align: 'right', cell: (token) => <TokenActs token={token} onOpen={onOpen} /> },
  ];
}

function NameCell({ token, onOpen }: { readonly token: Token; readonly onOpen: (id: string) => void }) {
  const t = useT('admin');
  return (
    <Stack gap={2} align="flex-start">
      <UnstyledButton mih={24} onClick={() => onOpen(token.id)} aria-label={t('admin:tokens.open', { name: nameOf(token) })}>
        <Text size="sm" fw={600} c={linkColor} className="kg-wrap">
          {nameOf(token)}
        </Text>
      </UnstyledButton>
      <Text size="xs" c="dimmed" component="div" className="kg-wrap">
        {token.provider} · {token.visibility === 'public' ? t('admin:tokens.public') : t('admin:tokens.private')} ·{' '}
        {token.userName ?? <UserLink id={token.userId} none={t('admin:common.site')} />}
      </Text>
    </Stack>
  );
}

/** The state, why, and until when. */
export function StatusCell({ token }: { readonly token: Token }) {
  const t = useT('admin');
  const format = useFormat();
  const until = token.status === 'cooling' ? token.cooldownUntil : token.statusReason === 'credits' ? token.parkedUntil : null;
  return (
    <Stack gap={2} align="flex-start">
      <StatusBadge tone={tokenTones[token.status]} label={t(`admin:tokens.statuses.${token.status}`)} />
      {token.statusReason !== null && <Text size="xs">{t(`admin:tokens.reasons.${token.statusReason}`)}</Text>}
      {until !== null && <Text size="xs">{t('admin:tokens.coolingUntil', { time: format.dateTime(until) })}</Text>}
      {token.statusMessage != null && token.statusMessage !== '' && (
        <Text size="xs" c="dimmed" className="kg-wrap" lineClamp={2}>
          {token.statusMessage}
        </Text>
      )}
    </Stack>
  );
}

/** High risk is said in words and with a sign, on a ground of its own: nobody has to tell colours apart. */
export function RiskCell({ token }: { readonly token: Pick<Token, 'riskScore' | 'highRisk'> }) {
  const t = useT('admin');
  const format = useFormat();
  return (
    <Stack gap={2} align="flex-start">
      <Text size="sm" className="kg-numeric" fw={token.highRisk ? 700 : 400}>
        {format.percent(token.riskScore)}
      </Text>
      {token.highRisk && (
        <Badge
          color="red.8"
          variant="filled"
          radius="sm"
          tt="none"
          c="white"
          leftSection={<IconAlertTriangleFilled size={12} aria-hidden />}
        >
          {t('admin:tokens.highRisk')}
        </Badge>
      )}
    </Stack>
  );
}
