/** What happens to a member's own things, as it happens: their requests, tokens, keys, quotas and notices, and nobody else's. */
import { z } from 'zod';
import { headCursor } from '../../../events/archive.js';
import type { StoredEvent } from '../../../events/define.js';
import { decodeEvent } from '../../../events/index.js';
import { requestEnd, requestEndTypes } from '../../../projections/requestEnd.js';
import { defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';
import { followArchive, keepAliveForm } from '../eventStream.js';
import { cursor, iso } from '../fields.js';
import { quotaFacts, tokenFacts } from './noticeFacts.js';

type Shown = { readonly name: string; readonly data: Readonly<Record<string, unknown>> };
type Known = Pick<PanelContext, 'directory'>;

const ends: ReadonlySet<string> = new Set(requestEndTypes);
const idOf = (subject: string): string => subject.slice(subject.indexOf('/') + 1);
/** `suspended` of `kirogate.token.suspended`. */
const changeOf = (type: string): string => type.slice(type.lastIndexOf('.') + 1);

/** What this member may see of an event, or null. */
export function shownTo(userId: string, event: StoredEvent, known: Known): Shown | null {
  const decoded = decodeEvent(event.type, event.dataversion, event.data);
  if (decoded.outcome !== 'ok') return null;
  const current = { ...event, data: decoded.data };
  if (ends.has(event.type)) return shownRequest(userId, current, known);
  const at = iso(event.time);
  const change = changeOf(event.type);
  const id = idOf(event.subject);
  switch (event.type.split('.')[1]) {
    case 'quota':
      return id === userId ? { name: 'quota', data: { at, change, ...(decoded.data as object), ...noticeOf(current, known) } } : null;
    case 'token':
      return ownerOf(current, known) === userId ? { name: 'token', data: { at, change, tokenId: id, ...noticeOf(current, known) } } : null;
    case 'key':
      return keyOwnerOf(current, known) === userId ? { name: 'key', data: { at, change, keyId: id } } : null;
    case 'user':
      return id === userId ? { name: 'account', data: { at, change } } : null;
    case 'notification':
      return id === userId ? { name: 'notification', data: { at, change } } : null;
    case 'announcement':
      return { name: 'announcement', data: { at, change } };
    default:
      return null;
  }
}

/** As the notice that comes of the event tells it. */
function noticeOf({ type, subject, data }: StoredEvent, known: Known): { readonly data?: unknown } {
  if (type === 'kirogate.quota.warned') return { data: quotaFacts(data) };
  const isTrouble = type === 'kirogate.token.suspended' || type === 'kirogate.token.invalidated';
  return isTrouble ? { data: tokenFacts(idOf(subject), data, known) } : {};
}

/** Own requests in short; of another's on an own token only that it was used. */
function shownRequest(userId: string, event: StoredEvent, { directory }: Known): Shown | null {
  const end = requestEnd(event);
  const at = iso(event.time);
  if (end.userId === userId) {
    const { requestId, keyId, endpoint, model, status, outcome, code, count, latencyUs } = end;
    const data = {
      at,
      id: event.id,
      requestId,
      keyId,
      endpoint,
      model,
      status,
      outcome,
      code,
      count,
      latencyMs: latencyUs / count / 1_000,
    };
    return { name: 'request', data };
  }
  if (end.tokenId === null || directory.token(end.tokenId)?.ownerId !== userId) return null;
  return { name: 'token', data: { at, change: 'used', tokenId: end.tokenId } };
}

/** A token that is gone is known from its events alone. */
function ownerOf({ subject, data }: StoredEvent, { directory }: Known): string | null {
  const told = (data as { readonly ownerId?: unknown }).ownerId;
  return typeof told === 'string' ? told : (directory.token(idOf(subject))?.ownerId ?? null);
}

function keyOwnerOf({ subject, data }: StoredEvent, { directory }: Known): string | null {
  const told = (data as { readonly userId?: unknown }).userId;
  return typeof told === 'string' ? told : (directory.key(idOf(subject))?.userId ?? null);
}

export const memberEventRoutes = [
  defineRoute({
    method: 'get',
    path: '/user/api/events/stream',
    access: 'member',
    summary:
      'Your own requests, tokens, keys, quotas and notices as server-sent events from now on; `id:` is the cursor, `Last-Event-ID` resumes.',
    status: 200,
    query: z.strictObject({ after: cursor, keepAlive: keepAliveForm }),
    async handle({ query, lastEventId, caller }, context) {
      const after = lastEventId ?? query.after ?? (await headCursor(context.db));
      const show = (event: StoredEvent) => shownTo(caller.userId, event, context);
      const { keepAlive } = query;
      return { stream: await followArchive({ query: { after }, caller: caller.actor, stillIn: caller.stillIn, show, keepAlive }, context) };
    },
  }),
];
