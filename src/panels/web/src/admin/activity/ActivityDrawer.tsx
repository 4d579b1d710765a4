/** One request: its facts, the tokens that were considered, and each attempt. */
import { Anchor, Divider, Stack } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useGet } from '../../api/queries';
import { type Fact, Facts } from '../../components/Facts';
import { StatusBadge } from '../../components/StatusBadge';
import { Failed, Loading } from '../../components/states';
import { NumberText, TimeText } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { type Format, useFormat } from '../../i18n/format';
import { IdText } from '../shared/IdText';
import { SideDrawer } from '../shared/SideDrawer';
import { TokenLink } from '../shared/TokenLink';
import { UserLink } from '../shared/UserLink';
import { Attempts } from './Attempts';
import { DecisionRecord } from './DecisionRecord';
import { type Activity, outcomeTones, type Record } from './types';

interface Stored {
  readonly id: string;
  readonly data: Record;
}

export function ActivityDrawer({ item, onClose }: { readonly item: Activity | null; readonly onClose: () => void }) {
  const t = useT('admin');
  const format = useFormat();
  return (
    <SideDrawer opened={item !== null} onClose={onClose} title={t('admin:activity.detail')}>
      {item !== null && (
        <Stack gap="md">
          <Facts facts={factsOf(item, t, format)} />
          <Anchor
            size="sm"
            renderRoot={(props) => <Link to="/admin/events" search={{ correlationId: item.requestId } as never} {...props} />}
          >
            {t('admin:activity.openEvents')}
          </Anchor>
          <Divider />
          <Story item={item} />
        </Stack>
      )}
    </SideDrawer>
  );
}

/** The terminal event carries the record; it is found by the request's id and known by the row's own. */
function Story({ item }: { readonly item: Activity }) {
  const events = useGet<{ items: readonly Stored[] }>('/admin/api/events', { correlationId: item.requestId, limit: 50 });
  if (events.isPending) return <Loading rows={4} />;
  if (events.error) return <Failed error={events.error} retry={() => void events.refetch()} />;
  const record = events.data.items.find(({ id }) => id === item.id)?.data;
  return (
    <Stack gap="md">
      <DecisionRecord decision={record?.decision} />
      {record?.attempts && record.attempts.length > 0 && <Attempts attempts={record.attempts} />}
    </Stack>
  );
}

function factsOf(item: Activity, t: Translate, format: Format): readonly Fact[] {
  const yesNo = (yes: boolean): string => (yes ? t('admin:common.yes') : t('admin:common.no'));
  const code = item.code === null ? '' : ` · ${item.code}`;
  return [
    [
      t('admin:activity.outcome'),
      <StatusBadge
        key="o"
        tone={outcomeTones[item.outcome]}
        label={`${t(`admin:activity.outcomes.${item.outcome}`)} ${item.status}${code}`}
      />,
    ],
    [t('admin:activity.requestId'), <IdText key="r" id={item.requestId} whole />],
    ...(item.message === null ? [] : [[t('admin:activity.message'), item.message] as const]),
    ...(item.count > 1 ? [[t('admin:metrics.count'), t('admin:activity.count', { count: item.count })] as const] : []),
    [t('admin:activity.started'), <TimeText key="s" at={item.startedAt} exact />],
    [t('admin:activity.ended'), <TimeText key="e" at={item.at} exact />],
    [t('admin:activity.latency'), <NumberText key="l" value={item.latencyMs} unit="ms" />],
    [t('admin:activity.firstOutput'), <NumberText key="f" value={item.firstOutputMs} unit="ms" />],
    [t('admin:common.user'), <UserLink key="u" id={item.userId} none={t('admin:activity.unknownUser')} whole />],
    [t('admin:activity.key'), <IdText key="k" id={item.keyId} whole />],
    [t('admin:activity.token'), <TokenLink key="t" id={item.tokenId} whole />],
    [t('admin:common.model'), item.model],
    [t('admin:activity.endpoint'), item.endpoint],
    [t('admin:activity.stream'), yesNo(item.stream)],
    [t('admin:activity.attempts'), format.number(item.attempts)],
    [t('admin:activity.charged'), yesNo(item.charged)],
    ...usageFacts(item, t, format),
  ];
}

function usageFacts({ usage }: Activity, t: Translate, format: Format): readonly Fact[] {
  if (usage === null) return [];
  const honest = usage.estimated ? t('admin:activity.estimated') : t('admin:activity.metered');
  return [
    [t('admin:activity.usage'), `${format.number(usage.inputTokens)} / ${format.number(usage.outputTokens)} (${honest})`],
    [t('admin:activity.cache'), `${format.number(usage.cacheReadTokens)} / ${format.number(usage.cacheWriteTokens)}`],
    [t('admin:activity.credits'), usage.microCredits === null ? '–' : format.number(usage.microCredits / 1_000_000)],
  ];
}
