/** A form in a modal: fields, the API's refusal in words, one button that sends. */
import { Alert, Button, Group, Modal, Stack } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { ApiError } from '../../api/errors';
import { useFocusBack } from '../../components/useFocusBack';
import { useT } from '../../i18n';
import { useErrorText } from '../../i18n/errorText';

export interface FormModalProps {
  readonly opened: boolean;
  readonly title: string;
  readonly submit: string;
  readonly busy: boolean;
  readonly error: ApiError | null;
  readonly children: ReactNode;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
}

export function FormModal({ opened, title, submit, busy, error, children, onSubmit, onClose }: FormModalProps) {
  const t = useT('admin');
  const errorText = useErrorText();
  useFocusBack(opened);
  return (
    <Modal opened={opened} onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('admin:common.close') }}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <Stack gap="sm">
          {children}
          {error !== null && (
            <Alert color="red" variant="light" icon={<IconAlertTriangle size={18} />} role="alert">
              {errorText(error)}
            </Alert>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t('admin:common.cancel')}
            </Button>
            <Button type="submit" loading={busy}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
