/** The pages of the member panel, in the order of the navigation. */
import { IconActivity, IconKey, IconLayoutDashboard, IconMessageCode, IconTicket, IconUserCircle } from '@tabler/icons-react';
import type { PanelPage } from '../app/nav';

export const memberPages: readonly PanelPage[] = [
  { path: '', label: 'member:nav.overview', icon: IconLayoutDashboard, load: () => import('./overview/Overview') },
  { path: 'keys', label: 'member:nav.keys', icon: IconKey, load: () => import('./keys/Keys') },
  { path: 'tokens', label: 'member:nav.tokens', icon: IconTicket, load: () => import('./tokens/Tokens') },
  { path: 'activity', label: 'member:nav.activity', icon: IconActivity, load: () => import('./activity/Activity') },
  { path: 'playground', label: 'member:nav.playground', icon: IconMessageCode, load: () => import('./playground/Playground') },
  { path: 'account', label: 'member:nav.account', icon: IconUserCircle, load: () => import('./account/Account') },
];
