/** PostgreSQL and Redis as the node that answers sees them; in single-node mode what stands in their place. */
import { Group, Stack, Text } from '@mantine/core';
import { Panel } from '../../components/Panel';
import { StatusBadge } from '../../components/StatusBadge';
import { useT } from '../../i18n';
import type { Cluster, StoreName } from './types';

const names: readonly StoreName[] = ['postgres', 'redis'];
/** What single-node mode uses instead. */
const instead = { postgres: 'sqlite', redis: 'memory' } as const;

export function StoresPanel({ stores }: { readonly stores: NonNullable<Cluster['stores']> }) {
  const t = useT('admin');
  return (
    <Panel title={t('admin:overview.stores')}>
      <Text size="sm" c="dimmed">
        {t('admin:overview.storesHint')}
      </Text>
      <Stack gap="xs">
        {names.map((name) => {
          const state = stores[name];
          return (
            <Group key={name} justify="space-between">
              <Text size="sm" fw={600}>
                {t(`admin:overview.store.${state === null ? instead[name] : name}`)}
              </Text>
              <StatusBadge
                tone={state === 'disconnected' ? 'bad' : 'good'}
                label={t(`admin:overview.storeState.${state === null ? 'connected' : state}`)}
              />
            </Group>
          );
        })}
      </Stack>
    </Panel>
  );
}
