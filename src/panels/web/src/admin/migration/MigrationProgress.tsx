/** How far a move is, and how it ended. */
import { Alert, Button, Group, Progress, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { StatusBadge } from '../../components/StatusBadge';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { MigrationReport } from './MigrationReport';
import { completed, ended, failed, type Migration } from './types';

export function MigrationProgress({ migration, onAgain }: { readonly migration: Migration; readonly onAgain: () => void }) {
  const t = useT('admin');
  const state = failed(migration) ? 'failed' : completed(migration) ? 'completed' : 'running';
  const tone = { failed: 'bad', completed: 'good', running: 'info' } as const;
  return (
    <Stack gap="md" aria-live="polite">
      <Group>
        <StatusBadge tone={tone[state]} label={t(`admin:migration.statuses.${state}`)} />
      </Group>
      <Bar label={t('admin:migration.tables')} done={migration.tablesDone} total={migration.tablesTotal} />
      <Bar label={t('admin:migration.rows')} done={migration.rowsDone} total={migration.rowsTotal} />
      {state === 'completed' && (
        <Alert color="teal" icon={<IconCheck size={18} />}>
          {migration.report?.dryRun ? t('admin:migration.wasDryRun') : t('admin:migration.completed')}
        </Alert>
      )}
      {migration.report && <MigrationReport report={migration.report} />}
      {state === 'failed' && (
        <Alert color="red" icon={<IconAlertTriangle size={18} />} role="alert" title={t('admin:migration.failed')}>
          {migration.error?.table != null && <Text size="sm">{t('admin:migration.failedTable', { table: migration.error.table })}</Text>}
          <Text size="sm" className="kg-wrap">
            {migration.error?.reason}
          </Text>
        </Alert>
      )}
      {ended(migration) && (
        <Group>
          <Button variant="default" onClick={onAgain}>
            {t('admin:migration.again')}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function Bar({ label, done, total }: { readonly label: string; readonly done: number; readonly total: number }) {
  const t = useT('admin');
  const format = useFormat();
  return (
    <Stack gap={2}>
      <Group justify="space-between">
        <Text size="sm">{label}</Text>
        <Text size="sm" className="kg-numeric">
          {t('admin:migration.ofTotal', { done: format.number(done), total: format.number(total) })}
        </Text>
      </Group>
      <Progress value={total === 0 ? 0 : Math.min(100, (done / total) * 100)} aria-label={label} />
    </Stack>
  );
}
