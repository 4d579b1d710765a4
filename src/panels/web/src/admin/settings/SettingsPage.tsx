/** Live settings: their sources, ranges and last change, on which nodes they are in force, and saving without undoing another's change. */
import { Alert, Button, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconReload } from '@tabler/icons-react';
import { useState } from 'react';
import { useLive, useSoon } from '../../api/live';
import { useGet, useRefresh, useWrite } from '../../api/queries';
import { LiveBadge } from '../../components/LiveBadge';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { Shown } from '../../components/states';
import { useT } from '../../i18n';
import { useErrorText } from '../../i18n/errorText';
import { configEvents, eventStreamPath } from '../shared/eventTypes';
import { bodyOf, dropped, type Edits, edited, faultsOf, rebased } from './edits';
import { LeaveQuestion } from './LeaveQuestion';
import { SaveBar } from './SaveBar';
import { SettingRow } from './SettingRow';
import { configPath, detailsPath, groups, type Setting } from './types';

const groupNames = ['protection', 'pacing', 'members', 'site'] as const;
/** Until every node says that it has the last change, and otherwise. */
const whileTravellingMs = 1_000;
const refetchMs = 15_000;

const travels = (items: readonly Setting[] | undefined): boolean =>
  items?.some(({ nodes }) => nodes.some(({ healthy, inForce }) => healthy && inForce === false)) ?? false;

export function Page() {
  const t = useT('admin');
  const [fast, setFast] = useState(false);
  const details = useGet<{ items: readonly Setting[] }>(detailsPath, {}, { refetchInterval: fast ? whileTravellingMs : refetchMs });
  if (travels(details.data?.items) !== fast) setFast(!fast);
  const refresh = useRefresh();
  const soon = useSoon(() => refresh([configPath]), 100);
  const live = useLive(eventStreamPath, configEvents, soon);
  const reload = useWrite({ refreshes: [configPath], done: t('admin:settings.reloaded') });
  return (
    <>
      <PageHeader title={t('admin:settings.title')} description={t('admin:settings.lead')}>
        <LiveBadge state={live} />
        <Button
          variant="default"
          leftSection={<IconReload size={16} />}
          loading={reload.isPending}
          onClick={() => reload.mutate({ method: 'POST', path: '/admin/config/reload' })}
        >
          {t('admin:settings.reload')}
        </Button>
      </PageHeader>
      <Shown query={details} rows={10}>
        {({ items }) => <Editor settings={items} refetch={() => details.refetch()} />}
      </Shown>
    </>
  );
}

interface EditorProps {
  readonly settings: readonly Setting[];
  readonly refetch: () => Promise<{ data: { items: readonly Setting[] } | undefined }>;
}

function Editor({ settings, refetch }: EditorProps) {
  const t = useT('admin');
  const errorText = useErrorText();
  const [edits, setEdits] = useState<Edits>({});
  // What others changed while this page was edited; shown until the admin has decided.
  const [theirs, setTheirs] = useState<ReadonlySet<string>>(new Set());
  const write = useWrite({ refreshes: [configPath], quiet: true });
  const conflict = write.error?.code === 'conflict';
  const discard = (): void => {
    setEdits({});
    setTheirs(new Set());
    write.reset();
  };
  const save = (): void => {
    const body = bodyOf(edits);
    if (body === null) return;
    write.mutate(
      { method: 'PUT', path: configPath, body },
      {
        onSuccess() {
          discard();
          notifications.show({ color: 'green', message: t('admin:settings.saved') });
        },
        async onError(error) {
          if (error.code !== 'conflict') return;
          const items = (await refetch()).data?.items ?? settings;
          const changed = items.filter(({ name, value, stored }) => {
            const base = edits[name]?.base;
            return base !== undefined && (base.value !== value || base.stored !== stored);
          });
          setTheirs(new Set(changed.map(({ name }) => name)));
          setEdits((before) => rebased(before, items));
        },
      },
    );
  };
  const of = (name: string): Setting | undefined => settings.find((setting) => setting.name === name);
  const unsaved = Object.keys(edits).length;
  return (
    <Stack gap="md">
      <LeaveQuestion unsaved={unsaved} />
      {write.error && (
        <Alert
          role="alert"
          color={conflict ? 'yellow' : 'red'}
          icon={<IconAlertTriangle size={18} />}
          {...(conflict && { title: t('admin:settings.conflictTitle') })}
        >
          {conflict ? t('admin:settings.conflictBody') : errorText(write.error)}
        </Alert>
      )}
      {groupNames.map((group) => (
        <Panel key={group} title={t(`admin:settings.groups.${group}`)}>
          {groups[group].map((name) => {
            const setting = of(name);
            return (
              setting && (
                <SettingRow
                  key={name}
                  setting={setting}
                  edit={edits[name]}
                  theirs={theirs.has(name)}
                  fault={write.error?.param === name && !conflict ? errorText(write.error) : null}
                  onEdit={(input) => setEdits((before) => edited(before, setting, input))}
                  onDrop={() => {
                    setEdits((before) => dropped(before, name));
                    setTheirs((before) => new Set([...before].filter((one) => one !== name)));
                  }}
                />
              )
            );
          })}
        </Panel>
      ))}
      <SaveBar count={unsaved} faults={faultsOf(edits)} busy={write.isPending} onSave={save} onDiscard={discard} />
    </Stack>
  );
}
