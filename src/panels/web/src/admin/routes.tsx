/** The pages of the admin panel, in the order of the navigation. */
import {
  IconAlertOctagon,
  IconBan,
  IconChartBar,
  IconClipboardList,
  IconCoins,
  IconDatabaseImport,
  IconHistory,
  IconKey,
  IconServer2,
  IconSettings,
  IconSpeakerphone,
  IconStack2,
  IconTimelineEvent,
  IconUsers,
} from '@tabler/icons-react';
import type { PanelPage } from '../app/nav';

export const adminPages: readonly PanelPage[] = [
  { path: '', label: 'admin:nav.overview', icon: IconServer2, load: () => import('./overview/OverviewPage') },
  { path: 'tokens', label: 'admin:nav.tokens', icon: IconCoins, load: () => import('./tokens/TokensPage') },
  { path: 'metrics', label: 'admin:nav.metrics', icon: IconChartBar, load: () => import('./metrics/MetricsPage') },
  { path: 'users', label: 'admin:nav.users', icon: IconUsers, load: () => import('./users/UsersPage') },
  { path: 'activity', label: 'admin:nav.activity', icon: IconHistory, load: () => import('./activity/ActivityPage') },
  { path: 'audit', label: 'admin:nav.audit', icon: IconClipboardList, load: () => import('./audit/AuditPage') },
  { path: 'settings', label: 'admin:nav.settings', icon: IconSettings, load: () => import('./settings/SettingsPage') },
  { path: 'ip-bans', label: 'admin:nav.ipBans', icon: IconBan, load: () => import('./bans/IpBansPage') },
  {
    path: 'announcements',
    label: 'admin:nav.announcements',
    icon: IconSpeakerphone,
    load: () => import('./announcements/AnnouncementsPage'),
  },
  { path: 'import-keys', label: 'admin:nav.importKeys', icon: IconKey, load: () => import('./importKeys/ImportKeysPage') },
  { path: 'parked-events', label: 'admin:nav.parked', icon: IconAlertOctagon, load: () => import('./parked/ParkedPage') },
  { path: 'projections', label: 'admin:nav.projections', icon: IconStack2, load: () => import('./projections/ProjectionsPage') },
  { path: 'events', label: 'admin:nav.events', icon: IconTimelineEvent, load: () => import('./events/EventsPage') },
  { path: 'migration', label: 'admin:nav.migration', icon: IconDatabaseImport, load: () => import('./migration/MigrationPage') },
];
