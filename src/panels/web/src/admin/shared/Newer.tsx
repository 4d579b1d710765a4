/** Says that a list read earlier is not the newest any more, and reads it again when asked: rows do not move under a reader's eyes. */
import { Button, Group, Paper, Text } from '@mantine/core';
import { useT } from '../../i18n';

export function Newer({ shown, onShow }: { readonly shown: boolean; readonly onShow: () => void }) {
  const t = useT('admin');
  return (
    <div role="status">
      {shown && (
        <Paper p="xs" mb="sm">
          <Group justify="space-between" gap="xs">
            <Text size="sm">{t('admin:common.newer')}</Text>
            <Button size="compact-sm" variant="light" onClick={onShow}>
              {t('admin:common.showNewer')}
            </Button>
          </Group>
        </Paper>
      )}
    </div>
  );
}
