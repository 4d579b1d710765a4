/** A member's donated tokens: give, watch, restrict, withdraw. */
import { ActionIcon, Button, Menu, Stack, Text } from '@mantine/core';
import { IconChartBar, IconDots, IconPencil, IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useList } from '../../api/queries';
import { type Column, DataTable } from '../../components/DataTable';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { StatusBadge } from '../../components/StatusBadge';
import { Empty } from '../../components/states';
import { NumberText, RateText, RiskText, TimeText, UsedLimit } from '../../components/values';
import { useT } from '../../i18n';
import { lazyPart } from '../../lazy/lazyPart';
import type { Token } from '../types';
import { useMemberLive } from '../useMemberLive';
import { DonateForm } from './DonateForm';
import { EditToken } from './EditToken';
import { TokenStatus } from './TokenStatus';
import { Withdraw } from './Withdraw';

/** Its charts weigh more than all the rest of the page. */
const UsageModal = lazyPart(async () => (await import('./UsageModal')).UsageModal, { waiting: () => null });

type Opened = { readonly kind: 'donate' } | { readonly kind: 'edit' | 'usage' | 'withdraw'; readonly token: Token };
const path = '/user/api/tokens';

export function Page() {
  const t = useT('member');
  const list = useList<Token>(path);
  const [opened, setOpened] = useState<Opened | null>(null);
  const live = useMemberLive(['token', 'request'], [path]);
  const close = (): void => setOpened(null);
  const donate = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setOpened({ kind: 'donate' })}>
      {t('member:tokens.donate')}
    </Button>
  );
  return (
    <>
      <PageHeader title={t('member:nav.tokens')} description={t('member:tokens.lead')}>
        <LiveBadge state={live} />
        {donate}
      </PageHeader>
      <Panel title={t('member:tokens.list')}>
        <DataTable
          label={t('member:tokens.list')}
          columns={useColumns(setOpened)}
          list={list}
          rowKey={({ id }) => id}
          tone={({ highRisk }) => (highRisk ? 'danger' : undefined)}
          empty={
            <Empty title={t('member:tokens.empty')} hint={t('member:tokens.emptyHint')}>
              {donate}
            </Empty>
          }
        />
      </Panel>
      {opened?.kind === 'donate' && <DonateForm onClose={close} />}
      {opened?.kind === 'edit' && <EditToken token={opened.token} onClose={close} />}
      {opened?.kind === 'usage' && <UsageModal token={opened.token} onClose={close} />}
      {opened?.kind === 'withdraw' && <Withdraw token={opened.token} onClose={close} />}
    </>
  );
}

function useColumns(onOpen: (opened: Opened) => void): Column<Token>[] {
  const t = useT('member');
  return [
    {
      key: 'name',
      header: t('member:tokens.name'),
      primary: true,
      width: 150,
      cell: (token) => (
        <Stack gap={0}>
          <Text size="sm" fw={600} className="kg-wrap">
            {token.name ?? token.id}
          </Text>
          <Text size="xs" c="dimmed">
            {[token.provider, token.authType, token.region, token.plan].filter(Boolean).join(' · ')}
          </Text>
        </Stack>
      ),
    },
    {
      key: 'visibility',
      header: t('member:tokens.visibility'),
      cell: ({ visibility }) => (
        <StatusBadge tone={visibility === 'public' ? 'info' : 'muted'} label={t(`member:tokens.visibilities.${visibility}`)} />
      ),
    },
    { key: 'status', header: t('member:tokens.status'), cell: (token) => <TokenStatus token={token} /> },
    { key: 'risk', header: t('member:tokens.risk'), cell: ({ riskScore, highRisk }) => <RiskText score={riskScore} high={highRisk} /> },
    {
      key: 'success',
      header: t('member:tokens.successRate'),
      align: 'right',
      cell: ({ successRate, attempts }) => <RateText value={successRate} of={attempts} />,
    },
    { key: 'rpm', header: t('member:tokens.rpm'), cell: ({ rpm }) => <UsedLimit {...rpm} label={t('member:tokens.rpm')} /> },
    { key: 'rph', header: t('member:tokens.rph'), cell: ({ rph }) => <UsedLimit {...rph} label={t('member:tokens.rph')} /> },
    {
      key: 'cap',
      header: t('member:tokens.dailyCap'),
      align: 'right',
      cell: ({ dailyCap }) => (dailyCap === null ? t('member:none') : <NumberText value={dailyCap} />),
    },
    {
      key: 'lastUsed',
      header: t('member:tokens.lastUsed'),
      cell: ({ lastUsedAt }) => <TimeText at={lastUsedAt} never={t('member:never')} />,
    },
    { key: 'actions', header: t('member:actions'), align: 'right', cell: (token) => <Actions token={token} onOpen={onOpen} /> },
  ];
}

function Actions({ token, onOpen }: { readonly token: Token; readonly onOpen: (opened: Opened) => void }) {
  const t = useT('member');
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t('member:actionsOf', { name: token.name ?? token.id })}>
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconChartBar size={16} />} onClick={() => onOpen({ kind: 'usage', token })}>
          {t('member:tokens.usage')}
        </Menu.Item>
        <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => onOpen({ kind: 'edit', token })}>
          {t('common:actions.edit')}
        </Menu.Item>
        <Menu.Item leftSection={<IconTrash size={16} />} color="red" onClick={() => onOpen({ kind: 'withdraw', token })}>
          {t('member:tokens.withdraw')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
