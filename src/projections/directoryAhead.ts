/** Folds control events into the directory's memory while the tables are out of reach: the handlers are those of the tables. */
import { CONTROL_PARTITION, type StoredEvent } from '../events/define.js';
import { decodeEvent } from '../events/index.js';
import { type Settings, settingsSchema } from '../shared/settings.js';
import { type DirectoryKey, type DirectoryToken, type DirectoryUser, toKey, toToken, toUser } from './directoryRows.js';
import { directory as tables } from './directoryTables.js';
import { touchedBy } from './directoryTouched.js';
import type { Changes } from './patches.js';
import { RETRIED } from './runner/parked.js';

export interface Rows {
  readonly users: Map<string, DirectoryUser>;
  readonly keys: Map<string, DirectoryKey>;
  readonly tokens: Map<string, DirectoryToken>;
  /** Stored values of the settings that this build knows. */
  readonly settings: Map<string, unknown>;
  /** CIDR of each ban, by the ban's id. */
  readonly bans: Map<string, string>;
}

/**
 * Those of the events that follow `position` without a gap and can be told from themselves alone, decoded. What was parked and
 * taken later, or rebuilt, only the tables tell: nothing from there on.
 */
export function foldable(events: readonly StoredEvent[], position: number): StoredEvent[] {
  const taken: StoredEvent[] = [];
  for (const event of [...events].sort((a, b) => a.position - b.position)) {
    const expected = position + taken.length + 1;
    if (event.position < expected) continue;
    if (event.position > expected || event.partition !== CONTROL_PARTITION || needsTables(event)) break;
    if (!tables.types.includes(event.type)) {
      taken.push(event);
      continue;
    }
    const decoded = decodeEvent(event.type, event.dataversion, event.data);
    if (decoded.outcome !== 'ok') break;
    taken.push({ ...event, data: decoded.data });
  }
  return taken;
}

function needsTables(event: StoredEvent): boolean {
  if (event.type === RETRIED) return true;
  const { users, keys, tokens, settings, bans, all } = touchedBy([event]);
  // A type of a newer build that changes what is kept here.
  return (
    all ||
    (!tables.types.includes(event.type) && !harmless.has(event.type) && (users.size + keys.size + tokens.size > 0 || settings || bans))
  );
}

/** They tell of something that the directory keeps, and change nothing of it. */
const harmless: ReadonlySet<string> = new Set([
  'kirogate.user.signed-in',
  'kirogate.user.password-changed',
  'kirogate.notification.read',
  'kirogate.token.checked',
]);

/** `events` as `foldable` answered them. */
export function foldInto(rows: Rows, events: readonly StoredEvent[]): void {
  const batch = tables.start() as Readonly<Record<'users' | 'keys' | 'tokens' | 'settings' | 'ipBans', Changes>>;
  for (const event of events) if (tables.types.includes(event.type)) tables.fold(batch as never, event);
  change(rows.users, batch.users, toUser, fromUser);
  change(rows.keys, batch.keys, toKey, fromKey);
  change(rows.tokens, batch.tokens, toToken, fromToken);
  for (const [id, { kind, row }] of batch.ipBans) {
    if (kind === 'remove') rows.bans.delete(id);
    else rows.bans.set(id, row['cidr'] as string);
  }
  for (const [name, { kind, row }] of batch.settings) {
    const value: unknown = kind === 'remove' ? undefined : JSON.parse(row['value'] as string);
    if (settingsSchema.shape[name as keyof Settings]?.safeParse(value).success) rows.settings.set(name, value);
    else rows.settings.delete(name);
  }
}

type Row = Readonly<Record<string, unknown>>;

function change<T>(known: Map<string, T>, changes: Changes, read: (row: Row) => T, write: (one: T) => Row): void {
  for (const [id, { kind, row }] of changes) {
    const before = known.get(id);
    if (kind === 'remove') known.delete(id);
    else if (kind === 'put') known.set(id, read(row));
    else if (before !== undefined) known.set(id, read({ ...write(before), ...row }));
  }
}

const list = (models: readonly string[] | null): string | null => (models === null ? null : JSON.stringify(models));

const fromUser = (user: DirectoryUser): Row => ({
  ...user,
  session_version: user.sessionVersion,
  quota_daily: user.quotaDaily,
  quota_monthly: user.quotaMonthly,
  created_at: user.createdAt,
});

const fromKey = (key: DirectoryKey): Row => ({
  ...key,
  user_id: key.userId,
  rpm_limit: key.rpmLimit,
  allowed_models: list(key.allowedModels),
  expires_at: key.expiresAt,
  created_at: key.createdAt,
});

const fromToken = (token: DirectoryToken): Row => ({
  ...token,
  owner_id: token.ownerId,
  auth_type: token.authType,
  status_reason: token.statusReason,
  status_message: token.statusMessage,
  parked_until: token.parkedUntil,
  allowed_models: list(token.allowedModels),
  daily_cap: token.dailyCap,
  created_at: token.createdAt,
});
