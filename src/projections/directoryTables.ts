/** Directory: users, keys, tokens, settings, address bans, announcements and import keys as the control events left them. */

import type { StoredEvent } from '../events/define.js';
import type { EventData, EventTypeName } from '../events/index.js';
import { defineProjection } from './define.js';
import { type Changes, patchedTable } from './patches.js';

const users = patchedTable({
  table: 'users',
  key: 'id',
  columns: {
    username: 'text',
    email: 'text',
    status: 'text',
    session_version: 'bigint',
    quota_daily: 'bigint',
    quota_monthly: 'bigint',
    via: 'text',
    created_at: 'bigint',
    position: 'bigint',
  },
});
const keys = patchedTable({
  table: 'api_keys',
  key: 'id',
  columns: {
    user_id: 'text',
    name: 'text',
    prefix: 'text',
    status: 'text',
    rpm_limit: 'bigint',
    allowed_models: 'text',
    expires_at: 'bigint',
    created_at: 'bigint',
    revoked_at: 'bigint',
    position: 'bigint',
  },
});
const tokens = patchedTable({
  table: 'tokens',
  key: 'id',
  columns: {
    name: 'text',
    owner_id: 'text',
    visibility: 'text',
    provider: 'text',
    auth_type: 'text',
    region: 'text',
    status: 'text',
    status_reason: 'text',
    parked_until: 'bigint',
    status_message: 'text',
    status_at: 'bigint',
    allowed_models: 'text',
    daily_cap: 'bigint',
    created_at: 'bigint',
    position: 'bigint',
  },
});
const settings = patchedTable({ table: 'settings', key: 'name', columns: { value: 'text', position: 'bigint' } });
const ipBans = patchedTable({
  table: 'ip_bans',
  key: 'id',
  columns: { cidr: 'text', reason: 'text', actor: 'text', created_at: 'bigint', position: 'bigint' },
});
const announcements = patchedTable({
  table: 'announcements',
  key: 'id',
  columns: { content: 'text', active: 'boolean', allow_guest: 'boolean', created_at: 'bigint', position: 'bigint' },
});
const importKeys = patchedTable({
  table: 'import_keys',
  key: 'id',
  columns: { name: 'text', prefix: 'text', user_id: 'text', status: 'text', created_at: 'bigint', position: 'bigint' },
});

const all = { users, keys, tokens, settings, ipBans, announcements, importKeys };
type Batch = Readonly<Record<keyof typeof all, Changes>>;
const names = Object.keys(all) as (keyof typeof all)[];

/** Session version that every user begins with. */
export const FIRST_SESSION_VERSION = 1;

type Handler<T extends EventTypeName> = (batch: Batch, id: string, data: EventData<T>, event: StoredEvent) => void;
/** Every patch raises the row's position, so that followers can tell older from newer. */
const at = (event: StoredEvent): { position: number } => ({ position: event.position });
const list = (models: readonly string[] | null): string | null => (models === null ? null : JSON.stringify(models));

const userStatus = (batch: Batch, id: string, data: { readonly to: string }, event: StoredEvent): void =>
  users.patch(batch.users, id, { status: data.to, ...at(event) });

const tokenStatus = (
  batch: Batch,
  id: string,
  event: StoredEvent,
  status: { status: string; status_reason: string | null; parked_until: number | null; status_message: string | null },
): void => tokens.patch(batch.tokens, id, { ...status, status_at: event.time, ...at(event) });

const handlers: { readonly [T in EventTypeName]?: Handler<T> } = {
  'kirogate.user.registered': (batch, id, data, event) =>
    users.put(batch.users, id, {
      username: data.username,
      email: data.email,
      status: data.status,
      session_version: FIRST_SESSION_VERSION,
      quota_daily: null,
      quota_monthly: null,
      via: data.via,
      created_at: event.time,
      ...at(event),
    }),
  'kirogate.user.approved': userStatus,
  'kirogate.user.banned': userStatus,
  'kirogate.user.unbanned': userStatus,
  'kirogate.user.quota-changed': (batch, id, { to }, event) =>
    users.patch(batch.users, id, { quota_daily: to.daily, quota_monthly: to.monthly, ...at(event) }),
  'kirogate.user.sessions-revoked': (batch, id, { to }, event) => users.patch(batch.users, id, { session_version: to, ...at(event) }),

  'kirogate.key.issued': (batch, id, data, event) =>
    keys.put(batch.keys, id, {
      user_id: data.userId,
      name: data.name,
      prefix: data.prefix,
      status: 'active',
      rpm_limit: data.rpmLimit,
      allowed_models: list(data.allowedModels),
      expires_at: data.expiresAt,
      created_at: event.time,
      revoked_at: null,
      ...at(event),
    }),
  'kirogate.key.changed': (batch, id, { to }, event) =>
    keys.patch(batch.keys, id, {
      name: to.name,
      rpm_limit: to.rpmLimit,
      allowed_models: list(to.allowedModels),
      expires_at: to.expiresAt,
      ...at(event),
    }),
  'kirogate.key.revoked': (batch, id, _data, event) =>
    keys.patch(batch.keys, id, { status: 'revoked', revoked_at: event.time, ...at(event) }),

  'kirogate.token.donated': (batch, id, data, event) =>
    tokens.put(batch.tokens, id, {
      name: data.name,
      owner_id: data.ownerId,
      visibility: data.visibility,
      provider: data.provider,
      auth_type: data.authType,
      region: data.region,
      status: 'active',
      status_reason: null,
      parked_until: null,
      status_message: null,
      status_at: event.time,
      allowed_models: list(data.allowedModels),
      daily_cap: data.dailyCap,
      created_at: event.time,
      ...at(event),
    }),
  'kirogate.token.suspended': (batch, id, data, event) =>
    tokenStatus(batch, id, event, {
      status: 'suspended',
      status_reason: data.reason,
      parked_until: data.until,
      status_message: data.message,
    }),
  'kirogate.token.resumed': (batch, id, _data, event) =>
    tokenStatus(batch, id, event, { status: 'active', status_reason: null, parked_until: null, status_message: null }),
  'kirogate.token.invalidated': (batch, id, data, event) =>
    tokenStatus(batch, id, event, { status: 'invalid', status_reason: null, parked_until: null, status_message: data.message }),
  'kirogate.token.visibility-changed': (batch, id, { to }, event) => tokens.patch(batch.tokens, id, { visibility: to, ...at(event) }),
  'kirogate.token.limits-changed': (batch, id, { to }, event) =>
    tokens.patch(batch.tokens, id, { name: to.name, daily_cap: to.dailyCap, allowed_models: list(to.allowedModels), ...at(event) }),
  'kirogate.token.removed': (batch, id) => tokens.remove(batch.tokens, id),

  'kirogate.config.changed': (batch, _id, { changes }, event) => {
    for (const { setting, to } of changes) {
      if (to === null) settings.remove(batch.settings, setting);
      else settings.put(batch.settings, setting, { value: JSON.stringify(to), ...at(event) });
    }
  },
  'kirogate.ip.banned': (batch, _id, data, event) =>
    ipBans.put(batch.ipBans, data.id, { cidr: data.cidr, reason: data.reason, actor: event.actor, created_at: event.time, ...at(event) }),
  'kirogate.ip.unbanned': (batch, _id, data) => ipBans.remove(batch.ipBans, data.id),

  'kirogate.announcement.published': (batch, id, data, event) =>
    announcements.put(batch.announcements, id, {
      content: data.content,
      active: data.active,
      allow_guest: data.allowGuest,
      created_at: event.time,
      ...at(event),
    }),
  'kirogate.announcement.changed': (batch, id, { to }, event) =>
    announcements.patch(batch.announcements, id, { content: to.content, active: to.active, allow_guest: to.allowGuest, ...at(event) }),
  'kirogate.announcement.removed': (batch, id) => announcements.remove(batch.announcements, id),

  'kirogate.import-key.issued': (batch, id, data, event) =>
    importKeys.put(batch.importKeys, id, {
      name: data.name,
      prefix: data.prefix,
      user_id: data.userId,
      status: 'active',
      created_at: event.time,
      ...at(event),
    }),
  'kirogate.import-key.revoked': (batch, id, _data, event) => importKeys.patch(batch.importKeys, id, { status: 'revoked', ...at(event) }),
};

export const directory = defineProjection<Batch>({
  name: 'directory',
  version: 1,
  ordered: true,
  tables: names.map((name) => ({ name: all[name].table, key: [name === 'settings' ? 'name' : 'id'] })),
  types: Object.keys(handlers),
  start: () => ({
    users: new Map(),
    keys: new Map(),
    tokens: new Map(),
    settings: new Map(),
    ipBans: new Map(),
    announcements: new Map(),
    importKeys: new Map(),
  }),
  fold(batch, event) {
    const handler = handlers[event.type as EventTypeName] as Handler<EventTypeName> | undefined;
    handler?.(batch, event.subject.slice(event.subject.indexOf('/') + 1), event.data as never, event);
  },
  async flush(batch, tx, table) {
    for (const name of names) await all[name].flush(batch[name], tx, table);
  },
});
