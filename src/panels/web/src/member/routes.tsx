/** The pages of the member panel, in the order of the navigation. */
import { IconLayoutDashboard } from '@tabler/icons-react';
import type { PanelPage } from '../app/nav';

export const memberPages: readonly PanelPage[] = [
  { path: '', label: 'member:nav.overview', icon: IconLayoutDashboard, load: () => import('./Overview') },
];
