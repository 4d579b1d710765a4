/** One setting: its control, where its value comes from, what it may be, and which nodes work with it. */
import { Alert, Button, Group, Stack, Switch, Text, VisuallyHidden } from '@mantine/core';
import { NumberField } from '../../components/NumberField';
import { StatusBadge } from '../../components/StatusBadge';
import { TimeText } from '../../components/values';
import { type Translate, useT } from '../../i18n';
import { type Format, useFormat } from '../../i18n/format';
import { changedMeanwhile, type Edit, type Input, ruleOf } from './edits';
import type { Setting, SettingValue } from './types';

export interface SettingRowProps {
  readonly setting: Setting;
  readonly edit: Edit | undefined;
  /** Another admin changed it while this one was being edited. */
  readonly theirs: boolean;
  readonly fault: string | null;
  readonly onEdit: (input: Input) => void;
  readonly onDrop: () => void;
}

export function SettingRow({ setting, edit, theirs, fault, onEdit, onDrop }: SettingRowProps) {
  const t = useT('admin');
  const format = useFormat();
  const name = t(`admin:settings.names.${setting.name}`);
  const shown = edit === undefined ? setting.value : (edit.input ?? setting.environment);
  return (
    <Stack gap={6} py={4} data-setting={setting.name}>
      <Group justify="space-between" align="flex-start" gap="md">
        <Stack gap={2} flex="1 1 260px" miw={0}>
          <Control name={name} setting={setting} value={shown} fault={fault} onEdit={onEdit} />
        </Stack>
        <Stack gap={4} flex="1 1 260px" miw={0}>
          <Sources setting={setting} t={t} format={format} />
        </Stack>
      </Group>
      {edit?.input === null && <Text size="sm">{t('admin:settings.willUseEnvironment')}</Text>}
      {setting.stored !== null && edit?.input !== null && (
        <Group>
          <Button size="compact-xs" variant="default" onClick={() => onEdit(null)}>
            {t('admin:settings.useEnvironment')}
            <VisuallyHidden> ({name})</VisuallyHidden>
          </Button>
        </Group>
      )}
      {(theirs || changedMeanwhile(setting, edit)) && edit !== undefined && (
        <Alert color="yellow" role="alert" p="xs">
          <Group justify="space-between" gap="xs">
            <Text size="sm">{t('admin:settings.changedMeanwhile', { value: textOf(setting.value, t, format) })}</Text>
            <Button size="compact-xs" variant="default" onClick={onDrop}>
              {t('admin:settings.takeTheirs')}
              <VisuallyHidden> ({name})</VisuallyHidden>
            </Button>
          </Group>
        </Alert>
      )}
    </Stack>
  );
}

interface ControlProps {
  readonly name: string;
  readonly setting: Setting;
  readonly value: SettingValue | string;
  readonly fault: string | null;
  readonly onEdit: (input: string | boolean) => void;
}

function Control({ name, setting, value, fault, onEdit }: ControlProps) {
  const t = useT('admin');
  const format = useFormat();
  const hint = t(`admin:settings.hints.${setting.name}`);
  if (typeof value === 'boolean') {
    return (
      <Switch
        label={name}
        description={hint}
        checked={value}
        error={fault}
        onChange={({ currentTarget }) => onEdit(currentTarget.checked)}
      />
    );
  }
  const range =
    setting.min === null || setting.max === null
      ? ''
      : ` ${t('admin:settings.range', { min: format.number(setting.min), max: format.number(setting.max) })}`;
  return (
    <NumberField label={name} description={`${hint}${range}`} text={String(value)} rule={ruleOf(setting)} error={fault} onChange={onEdit} />
  );
}

const sources = { stored: 'sourceStored', environment: 'sourceEnvironment', default: 'sourceDefault' } as const;

function Sources({ setting, t, format }: { readonly setting: Setting; readonly t: Translate; readonly format: Format }) {
  const { environment, default: fallback, changedAt, changedBy } = setting;
  return (
    <>
      <Group gap="xs">
        <StatusBadge tone={setting.source === 'stored' ? 'info' : 'muted'} label={t(`admin:settings.${sources[setting.source]}`)} />
        <Nodes setting={setting} t={t} />
      </Group>
      <Text size="xs" c="dimmed">
        {t('admin:settings.environmentIs', { value: textOf(environment, t, format) })} ·{' '}
        {t('admin:settings.defaultIs', { value: textOf(fallback, t, format) })}
      </Text>
      {changedAt !== null && (
        <Text size="xs" c="dimmed" component="div">
          {changedBy !== null && t('admin:settings.changedBy', { actor: changedBy })} · <TimeText at={changedAt} />
        </Text>
      )}
    </>
  );
}

/** A node that does not say is counted neither way. */
function Nodes({ setting: { nodes }, t }: { readonly setting: Setting; readonly t: Translate }) {
  const missing = nodes.filter(({ healthy, inForce }) => healthy && inForce === false);
  const have = nodes.filter(({ inForce }) => inForce === true);
  if (missing.length > 0) {
    return <StatusBadge tone="warn" label={t('admin:settings.nodesMissing', { nodes: missing.map(({ id }) => id).join(', ') })} wraps />;
  }
  return have.length === 0 ? null : <StatusBadge tone="good" label={t('admin:settings.nodesAll', { count: have.length })} />;
}

function textOf(value: SettingValue, t: Translate, format: Format): string {
  if (typeof value === 'boolean') return value ? t('admin:settings.on') : t('admin:settings.off');
  return format.number(value);
}
