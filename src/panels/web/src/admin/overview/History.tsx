/** What became of nodes, leaders and stores, newest first. */
import { Button, Text, Timeline } from '@mantine/core';
import { IconAlertTriangle, IconArrowBackUp, IconCrown, IconPlayerPlay, IconPlayerStop, type TablerIcon } from '@tabler/icons-react';
import { useList } from '../../api/queries';
import { Panel } from '../../components/Panel';
import { Empty, Failed, Loading } from '../../components/states';
import { TimeText } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { type Format, useFormat } from '../../i18n/format';
import { shortName } from '../shared/eventTypes';
import { typeLabel } from '../shared/TypeText';
import { clusterPath, type HistoryItem, type StoreName } from './types';

const looks: Readonly<Record<string, readonly [icon: TablerIcon, color: string]>> = {
  'node.started': [IconPlayerPlay, 'teal'],
  'node.stopped': [IconPlayerStop, 'gray'],
  'leader.changed': [IconCrown, 'blue'],
  'store.lost': [IconAlertTriangle, 'red'],
  'store.recovered': [IconArrowBackUp, 'teal'],
};

export function History() {
  const t = useT('admin');
  const format = useFormat();
  const list = useList<HistoryItem>(`${clusterPath}/history`, { limit: 15 });
  return (
    <Panel title={t('admin:overview.history')}>
      <Text size="sm" c="dimmed">
        {t('admin:overview.historyHint')}
      </Text>
      {list.isPending ? (
        <Loading rows={5} />
      ) : list.items.length === 0 ? (
        list.error ? (
          <Failed error={list.error} retry={list.refetch} />
        ) : (
          <Empty title={t('admin:overview.historyEmpty')} />
        )
      ) : (
        <Timeline bulletSize={24} lineWidth={2}>
          {list.items.map((item) => {
            const [Icon, color] = looks[shortName(item.type)] ?? [IconPlayerPlay, 'gray'];
            const { text, more } = sentence(item, t, format);
            return (
              <Timeline.Item key={item.id} bullet={<Icon size={14} aria-hidden />} color={color} title={<Text size="sm">{text}</Text>}>
                <Text size="xs" c="dimmed" className="kg-wrap">
                  <TimeText at={item.at} exact />
                  {more !== '' && ` · ${more}`}
                </Text>
              </Timeline.Item>
            );
          })}
        </Timeline>
      )}
      {list.hasMore && (
        <Button size="xs" variant="default" loading={list.isLoadingMore} onClick={list.loadMore}>
          {t('common:actions.loadMore')}
        </Button>
      )}
    </Panel>
  );
}

const stores: ReadonlySet<string> = new Set<StoreName>(['postgres', 'redis']);

/** One entry in words; what the event does not tell is left out. */
function sentence({ type, subject, details }: HistoryItem, t: Translate, format: Format): { text: string; more: string } {
  const text = (name: string): string => (typeof details[name] === 'string' ? (details[name] as string) : '');
  const number = (name: string): number => (typeof details[name] === 'number' ? (details[name] as number) : 0);
  const at = subject.slice(subject.indexOf('/') + 1);
  const store = stores.has(text('store')) ? t(`admin:overview.store.${text('store') as StoreName}`) : text('store');
  switch (shortName(type)) {
    case 'node.started':
      return {
        text: t('admin:overview.event.nodeStarted', { node: at }),
        more: [text('version'), text('mode')].filter(Boolean).join(' · '),
      };
    case 'node.stopped':
      return { text: t('admin:overview.event.nodeStopped', { node: at }), more: '' };
    case 'leader.changed': {
      const [office, from, to] = [text('office'), text('from'), text('to')];
      return {
        text: to === '' ? t('admin:overview.event.leaderNone', { office }) : t('admin:overview.event.leaderChanged', { to, office }),
        more: from === '' ? '' : t('admin:overview.event.leaderBefore', { from }),
      };
    }
    case 'store.lost':
      return { text: t('admin:overview.event.storeLost', { node: text('nodeId'), store }), more: text('message') };
    case 'store.recovered': {
      const again = number('reappended');
      return {
        text: t('admin:overview.event.storeRecovered', { node: text('nodeId'), store, down: format.duration(number('downMs')) }),
        more: again > 0 ? t('admin:overview.event.reappended', { count: again }) : '',
      };
    }
    default:
      return { text: typeLabel(t, type), more: subject };
  }
}
