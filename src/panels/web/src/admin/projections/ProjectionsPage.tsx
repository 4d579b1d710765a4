/** The read models: where each stands in each partition, and rebuilding one while everything goes on. */
import { Stack } from '@mantine/core';
import { useState } from 'react';
import { useLive, useSoon } from '../../api/live';
import { useGet, useRefresh } from '../../api/queries';
import { ConfirmModal } from '../../components/ConfirmModal';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Empty, Shown } from '../../components/states';
import { useT } from '../../i18n';
import { eventStreamPath, projectionEvents } from '../shared/eventTypes';
import { ProjectionPanel } from './ProjectionPanel';
import { type Projection, projectionsPath } from './types';
import { useRebuild } from './useRebuild';

/** Positions move with every event; asking for each would be a flood. */
const refetchMs = 3_000;
const whileRebuildingMs = 1_000;

export function Page() {
  const t = useT('admin');
  const [asking, setAsking] = useState<string | null>(null);
  const { running, start } = useRebuild();
  const query = useGet<{ items: readonly Projection[] }>(projectionsPath, {}, { refetchInterval: running ? whileRebuildingMs : refetchMs });
  const refresh = useRefresh();
  const soon = useSoon(() => refresh([projectionsPath]));
  const live = useLive(eventStreamPath, projectionEvents, soon);
  return (
    <>
      <PageHeader title={t('admin:projections.title')} description={t('admin:projections.lead')}>
        <LiveBadge state={live} />
      </PageHeader>
      <Shown query={query} rows={8}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t('admin:projections.empty')} />
          ) : (
            <Stack gap="md">
              {items.map((item) => (
                <ProjectionPanel
                  key={item.name}
                  item={item}
                  rebuilding={running === item.name || item.rebuild != null}
                  busy={running !== null}
                  onRebuild={() => setAsking(item.name)}
                />
              ))}
            </Stack>
          )
        }
      </Shown>
      <ConfirmModal
        opened={asking !== null}
        title={t('admin:projections.rebuildTitle', { name: asking ?? '' })}
        confirm={t('admin:projections.rebuild')}
        onConfirm={() => {
          if (asking !== null) start(asking);
          setAsking(null);
        }}
        onClose={() => setAsking(null)}
      >
        {t('admin:projections.rebuildConfirm')}
      </ConfirmModal>
    </>
  );
}
