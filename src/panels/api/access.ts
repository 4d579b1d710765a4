/** Who is calling, and may they: the one check that every row passes before its body is even read. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { findImportKey } from '../../commands/importKey/state.js';
import { AppError } from '../../errors.js';
import { assertNever } from '../../shared/assertNever.js';
import type { Access, AdminCaller, Caller, MemberCaller } from './define.js';
import type { PanelContext } from './deps.js';
import { type Session, sessionId, sessionLifeMs } from './session.js';

export const cookieNames = { admin: 'admin_session', user: 'user_session', flow: 'sign_in_flow' } as const;

type Credentials = Pick<IncomingMessage, 'headers' | 'method'>;
type AccessContext = Pick<PanelContext, 'adminApiKey' | 'clock' | 'db' | 'directory' | 'sessions'>;

/** The caller, or a throw: `unauthenticated`, `forbidden` (a member on an admin row), `csrf_mismatch`, `user_banned`. */
export async function authorize(request: Credentials, access: Access, context: AccessContext): Promise<Caller> {
  switch (access) {
    case 'public':
      return { kind: 'public' };
    case 'admin': {
      const caller = await admin(request, context);
      if (!caller) throw new AppError((await member(request, context)) ? 'forbidden' : 'unauthenticated');
      if (caller.csrfToken !== null) checkCsrf(request, caller.csrfToken);
      return caller;
    }
    case 'member': {
      const caller = await member(request, context);
      if (!caller) throw new AppError('unauthenticated');
      checkCsrf(request, caller.csrfToken);
      return caller;
    }
    case 'import-key': {
      const key = createHash('sha256')
        .update(bearerToken(request) ?? '')
        .digest('hex');
      const found = await findImportKey(context.db, key);
      if (!found) throw new AppError('invalid_api_key');
      return { kind: 'import-key', importKeyId: found.id, ownerId: found.userId };
    }
    default:
      return assertNever(access, 'access');
  }
}

/** The directory first catches up: what was ended on another node is ended here, and what is read is of now. */
async function admin(request: Credentials, context: AccessContext): Promise<AdminCaller | undefined> {
  const bearer = bearerToken(request);
  if (bearer !== undefined) {
    // An empty setting must never equal an empty header.
    const known = context.adminApiKey !== '' && sameText(bearer, context.adminApiKey);
    if (!known) return undefined;
    await context.directory.catchUp();
    return { kind: 'admin', actor: 'admin-api-key', csrfToken: null, expiresAt: null, sessionId: null, stillIn: () => true };
  }
  const session = context.sessions.admin.read(readCookie(request, cookieNames.admin));
  if (session?.sub !== 'admin') return undefined;
  await context.directory.catchUp();
  const { sessions } = context.directory;
  const isEnded = (id: string): boolean => session.sv < sessions.adminVersion() || sessions.isEnded('admin', id);
  const ends = endsOf(session, (id) => !isEnded(id), context);
  return ends.stillIn() ? { kind: 'admin', actor: 'admin', csrfToken: session.csrf, ...ends } : undefined;
}

/** The signed-in member. The directory first catches up, so that a revocation made on another node binds here at once. */
export async function member(request: Credentials, context: AccessContext): Promise<MemberCaller | undefined> {
  const session = context.sessions.user.read(readCookie(request, cookieNames.user));
  if (!session) return undefined;
  await context.directory.catchUp();
  const ends = endsOf(session, (id) => stillValid(session, id, context), context);
  if (!ends.stillIn()) return undefined;
  return { kind: 'member', userId: session.sub, actor: `user/${session.sub}`, csrfToken: session.csrf, ...ends };
}

/** How a session ends: by its age, or by `isValid` of its id. */
function endsOf(
  session: Session,
  isValid: (id: string) => boolean,
  { clock }: Pick<AccessContext, 'clock'>,
): Pick<MemberCaller, 'expiresAt' | 'sessionId' | 'stillIn'> {
  const id = sessionId(session);
  const expiresAt = session.iat + sessionLifeMs;
  return { expiresAt, sessionId: id, stillIn: () => clock.now() <= expiresAt && isValid(id) };
}

function stillValid(session: Session, id: string, { directory }: AccessContext): boolean {
  const user = directory.user(session.sub);
  const inForce = user !== undefined && user.status !== 'banned' && user.sessionVersion === session.sv;
  return inForce && !directory.sessions.isEnded(session.sub, id);
}

/** Cookies travel by themselves; the header proves that our own page sent the write. */
export function checkCsrf(request: Credentials, expected: string): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const sent = request.headers['x-csrf-token'];
  if (typeof sent !== 'string' || !sameText(sent, expected)) throw new AppError('csrf_mismatch');
}

/** Constant time whatever the lengths: both sides are hashed first. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

export function bearerToken(request: Credentials): string | undefined {
  return /^bearer +(\S*) *$/i.exec(request.headers.authorization ?? '')?.[1];
}

export function readCookie(request: Credentials, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
