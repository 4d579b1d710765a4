/** Ends one session on every node. */
import type { CommandMeta } from '../../commands/define.js';
import { endSession } from '../../commands/session/end.js';
import { endAdminSessions } from '../../commands/session/endAdmins.js';
import { revokeUserSessions } from '../../commands/user/revokeSessions.js';
import type { PanelContext } from './deps.js';

/** Each is remembered for 13 h; who signs in and out more often than this in that time ends all their sessions at once. */
const mostRemembered = 1_000;

/** `userId` null: an admin's session. */
export async function signOut(
  { sessionId, userId }: { readonly sessionId: string; readonly userId: string | null },
  meta: CommandMeta,
  { commands, directory }: Pick<PanelContext, 'commands' | 'directory'>,
): Promise<void> {
  const many = directory.sessions.count(userId ?? 'admin') >= mostRemembered;
  if (!many) await commands.execute(endSession, { session: sessionId, userId }, meta);
  else if (userId === null) await commands.execute(endAdminSessions, {}, meta);
  else await commands.execute(revokeUserSessions, { userId }, meta);
}
