/** One token: state, limits, the risk of its last day, who used it, and what may be done. */
import { Anchor, Button, Divider, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useGet } from '../../api/queries';
import { type Fact, Facts } from '../../components/Facts';
import { Empty, Failed, Loading } from '../../components/states';
import { NumberText, RateText, TimeText, UsedLimit } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { IdText } from '../shared/IdText';
import { SideDrawer } from '../shared/SideDrawer';
import { UserLink } from '../shared/UserLink';
import { RiskTrend } from './RiskTrend';
import { pausable, RemoveToken, resumable, useTokenActs } from './TokenActs';
import { RiskCell, StatusCell } from './TokenTable';
import { nameOf, type Token, type TokenDetail, tokensPath } from './types';

export interface TokenDrawerProps {
  /** '' closes. */
  readonly tokenId: string;
  /** The row of the list, shown until the API's own answer is there. */
  readonly known: Token | undefined;
  readonly onClose: () => void;
}

export function TokenDrawer({ tokenId, known, onClose }: TokenDrawerProps) {
  const t = useT('admin');
  const found = useGet<TokenDetail>(`${tokensPath}/${encodeURIComponent(tokenId)}`, {}, { enabled: tokenId !== '' });
  const token = found.data ?? known;
  const gone = found.error?.status === 404;
  return (
    <SideDrawer
      opened={tokenId !== ''}
      onClose={onClose}
      title={t('admin:tokens.detail.title', { name: token === undefined ? tokenId : nameOf(token) })}
    >
      {gone ? (
        <Empty title={t('admin:tokens.detail.gone')} />
      ) : token !== undefined ? (
        <Details token={token} />
      ) : found.error ? (
        <Failed error={found.error} retry={() => void found.refetch()} />
      ) : (
        <Loading rows={8} />
      )}
    </SideDrawer>
  );
}

function Details({ token }: { readonly token: TokenDetail }) {
  const t = useT('admin');
  return (
    <Stack gap="md">
      <Group align="flex-start" justify="space-between">
        <StatusCell token={token} />
        <RiskCell token={token} />
      </Group>
      <Acts token={token} />
      <SimpleGrid cols={3} spacing="sm">
        {(['rpm', 'rph', 'concurrency'] as const).map((name) => (
          <Stack key={name} gap={0}>
            <Text size="xs" c="dimmed">
              {t(`admin:tokens.${name}`)}
            </Text>
            <UsedLimit {...token[name]} label={t(`admin:tokens.${name}`)} />
          </Stack>
        ))}
      </SimpleGrid>
      <Divider />
      <RiskTrend tokenId={token.id} threshold={token.riskThreshold} />
      <Divider />
      <Facts facts={factsOf(token, t)} />
      <Anchor size="sm" renderRoot={(props) => <Link to="/admin/events" search={{ subject: `token/${token.id}` } as never} {...props} />}>
        {t('admin:tokens.detail.events')}
      </Anchor>
    </Stack>
  );
}

function Acts({ token }: { readonly token: Token }) {
  const t = useT('admin');
  const acts = useTokenActs(token);
  const [removing, setRemoving] = useState(false);
  return (
    <Group gap="xs">
      {resumable(token) && (
        <Button size="xs" onClick={acts.resume} loading={acts.busy}>
          {t('admin:tokens.resume')}
        </Button>
      )}
      {pausable(token) && (
        <Button size="xs" variant="default" onClick={acts.pause} loading={acts.busy}>
          {t('admin:tokens.pause')}
        </Button>
      )}
      <Button size="xs" variant="default" onClick={acts.check} loading={acts.busy}>
        {t('admin:tokens.check')}
      </Button>
      <Button size="xs" variant="default" onClick={() => setRemoving(true)}>
        {t('admin:tokens.remove')}
      </Button>
      <RemoveToken token={token} opened={removing} onClose={() => setRemoving(false)} />
    </Group>
  );
}

function factsOf(token: TokenDetail, t: Translate): readonly Fact[] {
  const never = t('admin:common.never');
  const check = token.lastCheck;
  return [
    [t('admin:common.id'), <IdText key="i" id={token.id} whole />],
    [t('admin:tokens.owner'), <UserLink key="u" id={token.userId} none={t('admin:common.site')} whole />],
    [t('admin:tokens.provider'), token.provider],
    [t('admin:tokens.detail.authType'), token.authType],
    [t('admin:tokens.detail.region'), token.region],
    [t('admin:tokens.visibility'), token.visibility === 'public' ? t('admin:tokens.public') : t('admin:tokens.private')],
    [t('admin:tokens.fails'), <NumberText key="f" value={token.consecutiveFails} />],
    [t('admin:tokens.successRate'), <RateText key="s" value={token.successRate} of={token.attempts} />],
    [t('admin:activity.attempts'), <NumberText key="a" value={token.attempts} />],
    [t('admin:tokens.lastUsed'), <TimeText key="l" at={token.lastUsedAt} never={never} />],
    [t('admin:common.created'), <TimeText key="c" at={token.createdAt} exact />],
    [t('admin:tokens.detail.plan'), token.plan],
    [t('admin:tokens.detail.credits'), <Credits key="m" token={token} />],
    [t('admin:tokens.detail.dailyCap'), token.dailyCap === null ? t('admin:common.none') : <NumberText key="d" value={token.dailyCap} />],
    [t('admin:tokens.detail.allowedModels'), token.allowedModels === null ? t('admin:common.all') : token.allowedModels.join(', ')],
    [
      t('admin:tokens.detail.lastCheck'),
      check === null ? (
        never
      ) : (
        <span key="k">
          {check.ok ? t('admin:tokens.detail.checkPassed') : t('admin:tokens.detail.checkFailed')} · <TimeText at={check.at} />
          {check.message !== null && ` · ${check.message}`}
        </span>
      ),
    ],
  ];
}

function Credits({ token }: { readonly token: Token }) {
  const t = useT('admin');
  if (token.creditsUsed === null) return <>–</>;
  if (token.creditsLimit === null) return <NumberText value={token.creditsUsed} />;
  return <>{t('admin:tokens.detail.creditsOf', { used: token.creditsUsed, limit: token.creditsLimit })}</>;
}
