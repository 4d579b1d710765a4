/** Details of one row beside its list; fills a phone. */
import { Drawer } from '@mantine/core';
import type { ReactNode } from 'react';
import { useT } from '../../i18n';

export interface SideDrawerProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly children: ReactNode;
}

export function SideDrawer({ opened, onClose, title, children }: SideDrawerProps) {
  const t = useT('admin');
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size="lg"
      title={title}
      closeButtonProps={{ 'aria-label': t('admin:common.close') }}
    >
      {opened && children}
    </Drawer>
  );
}
