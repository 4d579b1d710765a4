/** Asks before something that cannot be taken back. */
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useT } from '../i18n';
import { useFocusBack } from './useFocusBack';

export interface ConfirmModalProps {
  readonly opened: boolean;
  readonly title: string;
  /** What will happen. */
  readonly children: ReactNode;
  /** Says what the button does: "Revoke key". */
  readonly confirm: string;
  readonly danger?: boolean;
  readonly busy?: boolean;
  onConfirm(): void;
  onClose(): void;
}

export function ConfirmModal({ opened, title, children, confirm, danger, busy, onConfirm, onClose }: ConfirmModalProps) {
  const t = useT();
  useFocusBack(opened);
  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <Stack>
        <Text size="sm" component="div">
          {children}
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose} data-autofocus>
            {t('common:actions.cancel')}
          </Button>
          <Button color={danger ? 'red' : 'brand'} loading={busy ?? false} onClick={onConfirm}>
            {confirm}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
