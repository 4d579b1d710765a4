/** The registry of event types: everything that reads, writes or documents events goes through this list. */
import type { z } from 'zod';
import { adminCommandRefused } from './admin/commandRefused.js';
import { adminSignedIn } from './admin/signedIn.js';
import { announcementChanged } from './announcement/changed.js';
import { announcementPublished } from './announcement/published.js';
import { announcementRemoved } from './announcement/removed.js';
import { configChanged } from './config/changed.js';
import type { EventType } from './define.js';
import { importKeyIssued } from './importKey/issued.js';
import { importKeyRevoked } from './importKey/revoked.js';
import { ipBanned } from './ip/banned.js';
import { ipUnbanned } from './ip/unbanned.js';
import { keyChanged } from './key/changed.js';
import { keyIssued } from './key/issued.js';
import { keyRevoked } from './key/revoked.js';
import { leaderChanged } from './leader/changed.js';
import { migrationCompleted } from './migration/completed.js';
import { migrationFailed } from './migration/failed.js';
import { migrationStarted } from './migration/started.js';
import { nodeStarted } from './node/started.js';
import { nodeStopped } from './node/stopped.js';
import { notificationRead } from './notification/read.js';
import { projectionEventDiscarded } from './projection/eventDiscarded.js';
import { projectionEventParked } from './projection/eventParked.js';
import { projectionEventRetried } from './projection/eventRetried.js';
import { projectionRebuilt } from './projection/rebuilt.js';
import { projectionSwapped } from './projection/swapped.js';
import { quotaHit, quotaWarned } from './quota/hit.js';
import { requestAbandoned } from './request/abandoned.js';
import { requestCancelled } from './request/cancelled.js';
import { requestFailed } from './request/failed.js';
import { requestRefused } from './request/refused.js';
import { adminSessionsEnded } from './session/adminsEnded.js';
import { sessionEnded } from './session/ended.js';
import { storeLost } from './store/lost.js';
import { storeRecovered } from './store/recovered.js';
import { tokenChecked } from './token/checked.js';
import { tokenCooledDown } from './token/cooledDown.js';
import { tokenDonated } from './token/donated.js';
import { tokenFailed } from './token/failed.js';
import { tokenInvalidated } from './token/invalidated.js';
import { tokenLimitsChanged } from './token/limitsChanged.js';
import { tokenRemoved } from './token/removed.js';
import { tokenResumed } from './token/resumed.js';
import { tokenSuspended } from './token/suspended.js';
import { tokenUsed } from './token/used.js';
import { tokenVisibilityChanged } from './token/visibilityChanged.js';
import { userApproved } from './user/approved.js';
import { userBanned } from './user/banned.js';
import { userPasswordChanged } from './user/passwordChanged.js';
import { userQuotaChanged } from './user/quotaChanged.js';
import { userRegistered } from './user/registered.js';
import { userSessionsRevoked } from './user/sessionsRevoked.js';
import { userSignedIn } from './user/signedIn.js';
import { userUnbanned } from './user/unbanned.js';

/** In the order of contract §7. A new event type is one file and one line here. */
export const eventTypes = [
  tokenUsed,
  requestFailed,
  requestCancelled,
  requestAbandoned,
  requestRefused,
  tokenFailed,
  quotaHit,
  quotaWarned,
  tokenCooledDown,
  tokenDonated,
  tokenSuspended,
  tokenResumed,
  tokenInvalidated,
  tokenChecked,
  tokenVisibilityChanged,
  tokenLimitsChanged,
  tokenRemoved,
  notificationRead,
  userRegistered,
  userApproved,
  userBanned,
  userUnbanned,
  userQuotaChanged,
  userSessionsRevoked,
  userPasswordChanged,
  userSignedIn,
  keyIssued,
  keyChanged,
  keyRevoked,
  configChanged,
  ipBanned,
  ipUnbanned,
  announcementPublished,
  announcementChanged,
  announcementRemoved,
  importKeyIssued,
  importKeyRevoked,
  adminSignedIn,
  sessionEnded,
  adminSessionsEnded,
  adminCommandRefused,
  nodeStarted,
  nodeStopped,
  leaderChanged,
  storeLost,
  storeRecovered,
  migrationStarted,
  migrationCompleted,
  migrationFailed,
  projectionRebuilt,
  projectionSwapped,
  projectionEventParked,
  projectionEventRetried,
  projectionEventDiscarded,
] as const;

type Registered = (typeof eventTypes)[number];

/** Every registered type name. */
export type EventTypeName = Registered['type'];

/** The data of one type, as its current version has it. */
export type EventData<T extends EventTypeName> = z.output<Extract<Registered, { type: T }>['schema']>;

/** What a producer hands over for one type. */
export type EventInput<T extends EventTypeName> = z.input<Extract<Registered, { type: T }>['schema']>;

const byName: ReadonlyMap<string, EventType> = new Map(eventTypes.map((type) => [type.type, type]));

/** The registered type of that name, or undefined. */
export function eventType(name: string): EventType | undefined {
  return byName.get(name);
}

export type DecodeOutcome<D = unknown> =
  | { readonly outcome: 'ok'; readonly data: D }
  | { readonly outcome: 'unknown_type' }
  /** Newer than this code, or from before the first upcaster. */
  | { readonly outcome: 'unknown_version' }
  /** `reason` names paths and rules, never values. */
  | { readonly outcome: 'invalid'; readonly reason: string };

/** Reads archived data: lifts it to the current version, then validates. Never throws on content. */
export function decodeEvent<T extends EventTypeName>(type: T, version: number, data: unknown): DecodeOutcome<EventData<T>>;
export function decodeEvent(type: string, version: number, data: unknown): DecodeOutcome;
export function decodeEvent(type: string, version: number, data: unknown): DecodeOutcome {
  const known = byName.get(type);
  return known === undefined ? { outcome: 'unknown_type' } : decodeWith(known, version, data);
}

/** `decodeEvent` for a type at hand. */
export function decodeWith<D>(type: EventType<string, z.ZodType<D>>, version: number, data: unknown): DecodeOutcome<D> {
  let lifted = data;
  if (version > type.version) return { outcome: 'unknown_version' };
  for (let v = version; v < type.version; v += 1) {
    const upcast = type.upcasters?.[v];
    if (upcast === undefined) return { outcome: 'unknown_version' };
    try {
      lifted = upcast(lifted);
    } catch {
      return { outcome: 'invalid', reason: `version ${v} could not be lifted to ${v + 1}` };
    }
  }
  const parsed = type.schema.safeParse(lifted);
  if (parsed.success) return { outcome: 'ok', data: parsed.data };
  return { outcome: 'invalid', reason: describeIssues(parsed.error) };
}

/**
 * Checks data before it becomes an event: the cleaned data and the version to store. What the schema does
 * not name is dropped, so that nothing slips into the archive by accident. Throws on a fault: it is a bug of ours.
 */
export function encodeEvent<T extends EventTypeName>(type: T, data: EventInput<T>): { type: T; dataversion: number; data: EventData<T> };
export function encodeEvent(type: string, data: unknown): { type: string; dataversion: number; data: unknown };
export function encodeEvent(type: string, data: unknown): { type: string; dataversion: number; data: unknown } {
  const known = byName.get(type);
  if (known === undefined) throw new Error(`event type ${type} is not registered`);
  const parsed = known.schema.safeParse(data);
  if (!parsed.success) throw new Error(`data of ${type} does not fit its schema: ${describeIssues(parsed.error)}`);
  return { type, dataversion: known.version, data: parsed.data };
}

function describeIssues(error: z.ZodError): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.map(String).join('.') || '(root)'}: ${issue.code}`)
    .join('; ');
}
