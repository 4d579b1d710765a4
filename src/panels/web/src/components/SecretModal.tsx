/** Shows a secret that cannot be shown again: it stays until its owner says that they have it. */
import { Button, Group, Modal, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { useT } from '../i18n';
import { CopyOnce } from './CopyOnce';

export interface SecretModalProps {
  readonly opened: boolean;
  readonly title: string;
  readonly secret: string;
  /** Names the secret. */
  readonly label: string;
  readonly size?: string;
  /** More about how it is used. */
  readonly children?: ReactNode;
  readonly onStored: () => void;
}

export function SecretModal({ opened, title, secret, label, size, children, onStored }: SecretModalProps) {
  const t = useT();
  return (
    <Modal
      opened={opened}
      // Neither Escape nor a click beside it: either would lose the secret for good.
      onClose={() => undefined}
      closeOnEscape={false}
      closeOnClickOutside={false}
      withCloseButton={false}
      title={title}
      {...(size !== undefined && { size })}
    >
      <Stack>
        <CopyOnce secret={secret} label={label} />
        {children}
        <Group justify="flex-end">
          <Button onClick={onStored}>{t('common:copy.stored')}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
