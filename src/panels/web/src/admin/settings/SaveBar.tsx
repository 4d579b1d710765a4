/** How much is not saved yet, kept in sight at the bottom of the page. */
import { Button, Group, Paper, Text } from '@mantine/core';
import { useT } from '../../i18n';

export interface SaveBarProps {
  readonly count: number;
  /** Fields that say what cannot be saved: until they are mended nothing is. */
  readonly faults: number;
  readonly busy: boolean;
  readonly onSave: () => void;
  readonly onDiscard: () => void;
}

export function SaveBar({ count, faults, busy, onSave, onDiscard }: SaveBarProps) {
  const t = useT('admin');
  if (count === 0) return null;
  return (
    <Paper
      p="sm"
      pos="sticky"
      bottom={8}
      shadow="md"
      style={{ zIndex: 3 }}
      {...{ role: 'region', 'aria-label': t('admin:settings.unsavedBar') }}
    >
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={600} role="status">
          {t('admin:settings.unsaved', { count })}
          {faults > 0 && ` · ${t('admin:settings.faults', { count: faults })}`}
        </Text>
        <Group gap="xs">
          <Button variant="default" onClick={onDiscard} disabled={busy}>
            {t('admin:settings.discard')}
          </Button>
          <Button onClick={onSave} loading={busy} disabled={faults > 0}>
            {t('admin:settings.save')}
          </Button>
        </Group>
      </Group>
    </Paper>
  );
}
