/** The registry of commands: reference pages and the audit's wording derive from it. A new command is one file and one line. */
import { recordAdminSignIn } from './admin/recordSignIn.js';
import { changeAnnouncement } from './announcement/change.js';
import { publishAnnouncement } from './announcement/publish.js';
import { removeAnnouncement } from './announcement/remove.js';
import { changeConfig } from './config/change.js';
import type { Command } from './define.js';
import { issueImportKey } from './importKey/issue.js';
import { revokeImportKey } from './importKey/revoke.js';
import { banIp } from './ip/ban.js';
import { unbanIp } from './ip/unban.js';
import { changeKey } from './key/change.js';
import { issueKey } from './key/issue.js';
import { revokeKey } from './key/revoke.js';
import { recordNodeStarted } from './node/started.js';
import { recordNodeStopped } from './node/stopped.js';
import { readNotifications } from './notification/read.js';
import { endSession } from './session/end.js';
import { endAdminSessions } from './session/endAdmins.js';
import { recordSystemEvent } from './system/record.js';
import { changeTokenLimits } from './token/changeLimits.js';
import { changeTokenVisibility } from './token/changeVisibility.js';
import { donateToken } from './token/donate.js';
import { invalidateToken } from './token/invalidate.js';
import { pauseTokens } from './token/pauseMany.js';
import { recordTokenCheck } from './token/recordCheck.js';
import { removeToken } from './token/remove.js';
import { resumeToken } from './token/resume.js';
import { suspendToken } from './token/suspend.js';
import { approveUsers } from './user/approve.js';
import { banUsers } from './user/ban.js';
import { createUser } from './user/create.js';
import { recordUserSignIn } from './user/recordSignIn.js';
import { registerUser } from './user/register.js';
import { revokeUserSessions } from './user/revokeSessions.js';
import { setUserQuota } from './user/setQuota.js';
import { signInByProvider } from './user/signInByProvider.js';
import { unbanUsers } from './user/unban.js';

export const commands: readonly Command[] = [
  registerUser,
  createUser,
  approveUsers,
  banUsers,
  unbanUsers,
  setUserQuota,
  revokeUserSessions,
  recordUserSignIn,
  signInByProvider,
  issueKey,
  changeKey,
  revokeKey,
  donateToken,
  suspendToken,
  pauseTokens,
  resumeToken,
  invalidateToken,
  recordTokenCheck,
  changeTokenVisibility,
  changeTokenLimits,
  removeToken,
  changeConfig,
  banIp,
  unbanIp,
  publishAnnouncement,
  changeAnnouncement,
  removeAnnouncement,
  issueImportKey,
  revokeImportKey,
  readNotifications,
  recordAdminSignIn,
  endSession,
  endAdminSessions,
  recordNodeStarted,
  recordNodeStopped,
  recordSystemEvent,
];
