/** The event types by their short names, as the API, the filters and the labels name them. */
import type admin from '../../locales/en/admin.json';

export const eventStreamPath = '/admin/api/events/stream';

/** Without the leading `kirogate.`; every one has a label. */
export type EventName = keyof typeof admin.types;

const full = (...names: readonly EventName[]): readonly string[] => names.map((name) => `kirogate.${name}`);

/** What changes the list of members. */
export const userEvents = full('user.registered', 'user.approved', 'user.banned', 'user.unbanned', 'user.quota-changed');
export const keyEvents = full('key.issued', 'key.changed', 'key.revoked');
export const tokenLifeEvents = full(
  'token.donated',
  'token.suspended',
  'token.resumed',
  'token.invalidated',
  'token.checked',
  'token.visibility-changed',
  'token.limits-changed',
  'token.removed',
  'token.cooled-down',
);
/** What moves rates, figures and risk. */
export const requestEvents = full('token.used', 'request.failed', 'request.cancelled', 'request.abandoned', 'request.refused');
export const attemptEvents = full('token.used', 'token.failed', 'request.abandoned', 'request.failed', 'request.cancelled');
export const clusterEvents = full('node.started', 'node.stopped', 'leader.changed', 'store.lost', 'store.recovered');
export const configEvents = full('config.changed');
export const ipEvents = full('ip.banned', 'ip.unbanned');
export const announcementEvents = full('announcement.published', 'announcement.changed', 'announcement.removed');
export const importKeyEvents = full('import-key.issued', 'import-key.revoked');
export const projectionEvents = full(
  'projection.rebuilt',
  'projection.swapped',
  'projection.event-parked',
  'projection.event-retried',
  'projection.event-discarded',
);

export const trafficNames: readonly EventName[] = [
  'token.used',
  'request.failed',
  'request.cancelled',
  'request.abandoned',
  'request.refused',
  'token.failed',
  'quota.hit',
  'quota.warned',
  'token.cooled-down',
];

/** What people change: the types the audit log knows. */
export const auditNames: readonly EventName[] = [
  'token.donated',
  'token.suspended',
  'token.resumed',
  'token.invalidated',
  'token.checked',
  'token.visibility-changed',
  'token.limits-changed',
  'token.removed',
  'user.registered',
  'user.approved',
  'user.banned',
  'user.unbanned',
  'user.quota-changed',
  'user.sessions-revoked',
  'user.password-changed',
  'key.issued',
  'key.changed',
  'key.revoked',
  'config.changed',
  'ip.banned',
  'ip.unbanned',
  'announcement.published',
  'announcement.changed',
  'announcement.removed',
  'import-key.issued',
  'import-key.revoked',
  'admin.signed-in',
  'session.ended',
  'session.admins-ended',
  'admin.command-refused',
  'migration.started',
  'migration.completed',
  'migration.failed',
  'projection.rebuilt',
  'projection.swapped',
  'projection.event-retried',
  'projection.event-discarded',
];

export const allNames: readonly EventName[] = [
  ...trafficNames,
  ...auditNames,
  'notification.read',
  'user.signed-in',
  'node.started',
  'node.stopped',
  'leader.changed',
  'store.lost',
  'store.recovered',
  'projection.event-parked',
];

/** `kirogate.user.banned` → `user.banned`. */
export const shortName = (type: string): string => (type.startsWith('kirogate.') ? type.slice('kirogate.'.length) : type);
