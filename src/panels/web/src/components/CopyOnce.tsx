/** A secret that is shown this once, and a text to copy. */
import { ActionIcon, Alert, Box, Code, CopyButton, Group, Stack, Text, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconCopy } from '@tabler/icons-react';
import { useT } from '../i18n';

export function CopyOnce({ secret, label }: { readonly secret: string; readonly label: string }) {
  const t = useT();
  return (
    <Alert color="yellow" icon={<IconAlertTriangle size={18} />} title={t('common:copy.once')}>
      <Stack gap={4}>
        <Text size="sm">{t('common:copy.onceHint')}</Text>
        <CopyText text={secret} label={label} />
      </Stack>
    </Alert>
  );
}

/** Text in a box with a button that copies it. `block` keeps line breaks. */
export function CopyText({ text, label, block }: { readonly text: string; readonly label: string; readonly block?: boolean }) {
  return (
    <Group wrap="nowrap" gap="xs" align={block ? 'flex-start' : 'center'}>
      <Box flex={1} miw={0}>
        <Code block={block ?? false} className={block ? 'kg-pre' : 'kg-wrap'} aria-label={label}>
          {text}
        </Code>
      </Box>
      <CopyIcon text={text} label={label} />
    </Group>
  );
}

export function CopyIcon({ text, label }: { readonly text: string; readonly label: string }) {
  const t = useT();
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => {
        const says = copied ? t('common:copy.copied') : t('common:copy.copy', { name: label });
        return (
          <Tooltip label={says}>
            <ActionIcon variant="default" aria-label={says} onClick={copy}>
              {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            </ActionIcon>
          </Tooltip>
        );
      }}
    </CopyButton>
  );
}
