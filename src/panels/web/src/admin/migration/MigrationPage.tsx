/** Moving in from a SQLite file: uploaded or on the server, with progress, and what failed where it failed. */
import { Stack } from '@mantine/core';
import { useGet } from '../../api/queries';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { Failed, Loading } from '../../components/states';
import { useT } from '../../i18n';
import { useFilters } from '../shared/useFilters';
import { MigrationForm } from './MigrationForm';
import { MigrationProgress } from './MigrationProgress';
import { ended, type Migration, migrationsPath } from './types';

const names = ['id'] as const;
const refetchMs = 700;

export function Page() {
  const t = useT('admin');
  const { values, set } = useFilters(names);
  const open = (id: string): void => set({ id });
  return (
    <>
      <PageHeader title={t('admin:migration.title')} description={t('admin:migration.lead')} />
      {values.id === '' ? (
        <Panel title={t('admin:migration.source')}>
          <MigrationForm onStarted={open} />
        </Panel>
      ) : (
        <Running key={values.id} id={values.id} onAgain={() => open('')} />
      )}
    </>
  );
}

function Running({ id, onAgain }: { readonly id: string; readonly onAgain: () => void }) {
  const path = `${migrationsPath}/${encodeURIComponent(id)}`;
  const first = useGet<Migration>(path);
  const done = first.data !== undefined && ended(first.data);
  const query = useGet<Migration>(path, {}, { refetchInterval: done ? false : refetchMs });
  const t = useT('admin');
  return (
    <Panel title={t('admin:migration.progress')}>
      <Stack>
        {query.error && <Failed error={query.error} retry={() => void query.refetch()} />}
        {query.data ? <MigrationProgress migration={query.data} onAgain={onAgain} /> : !query.error && <Loading rows={3} />}
      </Stack>
    </Panel>
  );
}
