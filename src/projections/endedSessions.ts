/** Which sessions have ended before their time: remembered by each node for as long as their cookies would be good. */

import { type EventMark, eventsOfSubjects } from '../events/archiveLookup.js';
import { CONTROL_PARTITION } from '../events/define.js';
import type { Queryable } from '../infra/database/port.js';
import type { Clock } from '../shared/clock.js';
import { HOUR, MINUTE } from './time.js';

/** A session lives for 12 h; the rest is for clocks that differ between nodes. */
const KEPT = 13 * HOUR;
const subjects = ['session/admin', 'session/member'];
const ENDED = 'kirogate.session.ended';
/** Only of these types the data tell. */
export const endedByData: readonly string[] = [ENDED];

export interface EndedSessions {
  /** `owner`: `admin`, or a member's id. */
  isEnded(owner: string, session: string): boolean;
  /** How many of this owner's are remembered. */
  count(owner: string): number;
  /** Admin sessions of a lower version have ended: the control position at which all were. */
  adminVersion(): number;
}

export interface FollowingEndedSessions extends EndedSessions {
  /** What the archive has of them. */
  load(db: Queryable): Promise<void>;
  /** Control events as they come; any order, any number of times. */
  take(events: readonly EventMark[]): void;
}

export function createEndedSessions(clock: Clock): FollowingEndedSessions {
  /** Owner → session → when it ended, ms since epoch. */
  const ended = new Map<string, Map<string, number>>();
  let adminVersion = 0;
  let prunedAt = clock.now();

  function note(event: EventMark): void {
    const { session, userId } = event.data as { readonly session?: unknown; readonly userId?: unknown };
    if (typeof session !== 'string') return;
    const owner = typeof userId === 'string' ? userId : 'admin';
    const own = ended.get(owner) ?? new Map<string, number>();
    ended.set(owner, own.set(session, event.time));
  }

  function prune(): void {
    const now = clock.now();
    if (now - prunedAt < MINUTE) return;
    prunedAt = now;
    for (const [owner, own] of ended) {
      for (const [session, at] of own) if (at < now - KEPT) own.delete(session);
      if (own.size === 0) ended.delete(owner);
    }
  }

  function take(events: readonly EventMark[]): void {
    for (const event of events) {
      if (event.type === ENDED) note(event);
      else if (event.type === 'kirogate.session.admins-ended') {
        adminVersion = Math.max(adminVersion, event.position);
        ended.delete('admin');
        // Their cookies carry an older version from now on.
      } else if (event.type === 'kirogate.user.sessions-revoked') ended.delete(event.subject.slice('user/'.length));
    }
    prune();
  }

  return {
    isEnded: (owner, session) => ended.get(owner)?.has(session) ?? false,
    count: (owner) => ended.get(owner)?.size ?? 0,
    adminVersion: () => adminVersion,
    load: async (db) => take(await eventsOfSubjects(db, CONTROL_PARTITION, { subjects, since: clock.now() - KEPT })),
    take,
  };
}
