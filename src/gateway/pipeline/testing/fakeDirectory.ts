/** A directory that a test fills by hand. */
import type { Directory, DirectoryChange, DirectoryKey, DirectoryToken, DirectoryUser } from '../../../projections/directory.js';
import { defaultSettings, type Settings } from '../../../shared/settings.js';

export interface FakeDirectory extends Directory {
  readonly users: Map<string, DirectoryUser>;
  readonly keys: Map<string, DirectoryKey>;
  /** SHA-256 (hex) → key id. */
  readonly hashes: Map<string, string>;
  readonly pool: Map<string, DirectoryToken>;
  readonly bans: Set<string>;
  /** Changes settings without telling anybody. */
  set(settings: Partial<Settings>): void;
  /** Goes on to the next position and tells the listeners. */
  tell(change: Partial<DirectoryChange>): void;
  readonly listeners: number;
}

export function fakeDirectory(): FakeDirectory {
  const listeners = new Set<(change: DirectoryChange) => void>();
  const users = new Map<string, DirectoryUser>();
  const keys = new Map<string, DirectoryKey>();
  const hashes = new Map<string, string>();
  const pool = new Map<string, DirectoryToken>();
  const bans = new Set<string>();
  let position = 1;
  let settings: Settings = { ...defaultSettings, token_pacing_min_ms: 0, token_pacing_max_ms: 0 };
  const nothing: ReadonlySet<string> = new Set();
  return {
    users,
    keys,
    hashes,
    pool,
    bans,
    set(changed) {
      settings = { ...settings, ...changed };
    },
    tell(change) {
      position += 1;
      for (const listener of listeners) listener({ users: nothing, keys: nothing, tokens: nothing, settings: false, ...change });
    },
    get listeners() {
      return listeners.size;
    },
    position: () => position,
    user: (id) => users.get(id),
    key: (id) => keys.get(id),
    token: (id) => pool.get(id),
    tokens: () => pool.values(),
    keyByHash: (hash) => keys.get(hashes.get(hash) ?? ''),
    knownKey: (hash) => keys.get(hashes.get(hash) ?? ''),
    settings: () => settings,
    storedSettings: () => ({}),
    settingsPosition: () => 0,
    isBanned: (ip) => bans.has(ip),
    sessions: { isEnded: () => false, count: () => 0, adminVersion: () => 0 },
    catchUp: async () => undefined,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: async () => undefined,
  };
}

export function directoryUser(over: Partial<DirectoryUser> = {}): DirectoryUser {
  return {
    id: 'u1',
    username: 'member',
    email: null,
    status: 'active',
    sessionVersion: 1,
    quotaDaily: null,
    quotaMonthly: null,
    createdAt: 0,
    ...over,
  };
}

export function directoryKey(over: Partial<DirectoryKey> = {}): DirectoryKey {
  return {
    id: 'k1',
    userId: 'u1',
    name: 'laptop',
    prefix: 'sk-abc',
    status: 'active',
    rpmLimit: null,
    allowedModels: null,
    expiresAt: null,
    createdAt: 0,
    ...over,
  };
}

export function directoryToken(id: string, over: Partial<DirectoryToken> = {}): DirectoryToken {
  return {
    id,
    name: null,
    ownerId: null,
    visibility: 'public',
    provider: 'kiro',
    authType: 'social',
    region: null,
    status: 'active',
    statusReason: null,
    statusMessage: null,
    parkedUntil: null,
    allowedModels: null,
    dailyCap: null,
    createdAt: 0,
    position: 1,
    ...over,
  };
}
