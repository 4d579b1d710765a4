/** A dialog whose close button says what it does. */
import { Modal, type ModalProps } from '@mantine/core';
import { useT } from '../i18n';

export function AppModal(props: ModalProps) {
  const t = useT();
  return <Modal closeButtonProps={{ 'aria-label': t('common:actions.close') }} {...props} />;
}
