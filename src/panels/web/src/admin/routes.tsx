/** The pages of the admin panel, in the order of the navigation. */
import { IconLayoutDashboard } from '@tabler/icons-react';
import type { PanelPage } from '../app/nav';

export const adminPages: readonly PanelPage[] = [
  { path: '', label: 'admin:nav.overview', icon: IconLayoutDashboard, load: () => import('./Overview') },
];
