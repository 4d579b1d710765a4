/** Settings to copy, one tab a client. */
import { Stack, Tabs, Text } from '@mantine/core';
import { CopyText } from '../../components/CopyOnce';
import { useT } from '../../i18n';
import { clientSettings } from './clients';

const model = 'claude-sonnet-4-5';

export function ClientSettings({ apiKey }: { readonly apiKey: string }) {
  const t = useT('member');
  const settings = clientSettings(window.location.origin, apiKey, model);
  return (
    <Stack gap="xs">
      <Text fw={600}>{t('member:clients.title')}</Text>
      <Tabs defaultValue={settings[0]?.id ?? ''}>
        <Tabs.List>
          {settings.map(({ id, name }) => (
            <Tabs.Tab key={id} value={id}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {settings.map(({ id, name, text }) => (
          <Tabs.Panel key={id} value={id} pt="sm">
            <CopyText block text={text} label={t('member:clients.settingsFor', { name })} />
          </Tabs.Panel>
        ))}
      </Tabs>
      <Text size="xs" c="dimmed">
        {t('member:clients.hint')}
      </Text>
    </Stack>
  );
}
