/** The whole API as one list. Rows with fixed paths stand before those with parameters in the same place. */
import { activityRoutes } from './activity.js';
import { announcementRoutes } from './admin/announcements.js';
import { clusterRoutes } from './admin/cluster.js';
import { configRoutes } from './admin/config.js';
import { eventRoutes } from './admin/events.js';
import { importKeyRoutes } from './admin/importKeys.js';
import { ipBanRoutes } from './admin/ipBans.js';
import { adminKeyRoutes } from './admin/keys.js';
import { migrationRoutes } from './admin/migrations.js';
import { overviewRoutes } from './admin/overview.js';
import { projectionRoutes } from './admin/projections.js';
import { adminSessionRoutes } from './admin/session.js';
import { settingDetailRoutes } from './admin/settingDetails.js';
import { adminTokenRoutes } from './admin/tokens.js';
import { userDetailRoutes } from './admin/userDetail.js';
import { adminUserRoutes } from './admin/users.js';
import { publicAnnouncementRoutes } from './announcements.js';
import type { Route } from './define.js';
import { documentRoutes } from './documents.js';
import { importRoutes } from './importTokens.js';
import { providerRoutes } from './signIn/providers.js';
import { signInRoutes } from './signIn/routes.js';
import { authRoutes } from './user/auth.js';
import { memberEventRoutes } from './user/events.js';
import { userKeyRoutes } from './user/keys.js';
import { notificationRoutes } from './user/notifications.js';
import { passwordRoutes } from './user/password.js';
import { profileRoutes } from './user/profile.js';
import { userTokenRoutes } from './user/tokens.js';
import { tokenUsageRoutes } from './user/tokenUsage.js';

export const routes: readonly Route[] = [
  ...documentRoutes,
  ...adminSessionRoutes,
  ...adminUserRoutes,
  ...userDetailRoutes,
  ...adminKeyRoutes,
  ...adminTokenRoutes,
  ...clusterRoutes,
  ...overviewRoutes,
  ...activityRoutes,
  ...configRoutes,
  ...settingDetailRoutes,
  ...ipBanRoutes,
  ...announcementRoutes,
  ...importKeyRoutes,
  ...eventRoutes,
  ...projectionRoutes,
  ...migrationRoutes,
  ...authRoutes,
  ...providerRoutes,
  ...signInRoutes,
  ...profileRoutes,
  ...passwordRoutes,
  ...userTokenRoutes,
  ...tokenUsageRoutes,
  ...userKeyRoutes,
  ...memberEventRoutes,
  ...notificationRoutes,
  ...publicAnnouncementRoutes,
  ...importRoutes,
];
