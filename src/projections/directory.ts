/** The directory: this node's memory of users, keys, tokens, settings and bans, so that the hot path asks no database. */
import type { Logger } from 'pino';
import { partitionHeads, readPartition } from '../events/archive.js';
import { CONTROL_PARTITION } from '../events/define.js';
import { inTime } from '../infra/database/inTime.js';
import type { Database, Queryable } from '../infra/database/port.js';
import type { Clock } from '../shared/clock.js';
import { mergeSettings, type Settings } from '../shared/settings.js';
import {
  type DirectoryKey,
  type DirectoryToken,
  type DirectoryUser,
  readIpBans,
  readKeyHashes,
  readKeys,
  readKeysByHash,
  readSettings,
  readTokens,
  readUsers,
} from './directoryRows.js';
import { type Touched, touchedBy } from './directoryTouched.js';
import { createIpBlocks } from './ipBlocks.js';
import { createKeyLookup, type KeyLookup } from './keyLookup.js';

export type { DirectoryKey, DirectoryToken, DirectoryUser } from './directoryRows.js';

export interface DirectoryChange {
  readonly users: ReadonlySet<string>;
  readonly keys: ReadonlySet<string>;
  readonly tokens: ReadonlySet<string>;
  readonly settings: boolean;
}

export interface Directory {
  /** Control position up to which everything here is known. */
  position(): number;
  user(id: string): DirectoryUser | undefined;
  key(id: string): DirectoryKey | undefined;
  token(id: string): DirectoryToken | undefined;
  tokens(): Iterable<DirectoryToken>;
  /** By SHA-256 (hex). At once when known; an unknown hash asks the database once. Rejects when that cannot answer. */
  keyByHash(sha256Hex: string): DirectoryKey | undefined | Promise<DirectoryKey | undefined>;
  /** As `keyByHash`, but of what this node knows already: asks nobody. */
  knownKey(sha256Hex: string): DirectoryKey | undefined;
  /** Stored value, else the environment's. */
  settings(): Settings;
  storedSettings(): Partial<Settings>;
  /** Control position up to which the settings here are in force: at least that of their last change. */
  settingsPosition(): number;
  isBanned(ip: string): boolean;
  /** Follows the control partition now; returns at once when `atLeast` is known already. */
  catchUp(atLeast?: number): Promise<void>;
  /** Answers what ends it. */
  onChange(listener: (change: DirectoryChange) => void): () => void;
  close(): Promise<void>;
}

export interface DirectoryDeps {
  readonly db: Database;
  /** Settings as the environment has them. */
  readonly defaults: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default 250: a change is in force on every node within that time. */
  readonly pollMs?: number;
  /** What takes longer is asked anew on another connection (see inTime). */
  readonly answerMs?: number | undefined;
}

export interface LiveDirectory extends Directory {
  /** Something has changed: follows at once instead of at the next poll. Any number of calls costs two looks at most. */
  bell(): void;
}

/** Loads everything in one snapshot. */
export async function openDirectory(deps: DirectoryDeps): Promise<LiveDirectory> {
  const directory = new FollowingDirectory(deps);
  await directory.load();
  return directory;
}

const PAGE = 1_000;

class FollowingDirectory implements LiveDirectory {
  readonly #deps: DirectoryDeps;
  readonly #users = new Map<string, DirectoryUser>();
  readonly #keys = new Map<string, DirectoryKey>();
  readonly #tokens = new Map<string, DirectoryToken>();
  readonly #keyIds = new Map<string, string>();
  readonly #listeners = new Set<(change: DirectoryChange) => void>();
  readonly #lookup: KeyLookup;
  #stored: Partial<Settings> = {};
  #settings: Settings;
  #isBanned: (ip: string) => boolean = () => false;
  #position = 0;
  #settingsPosition = 0;
  #running: Promise<void> | null = null;
  #queued: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;
  #closed = false;

  constructor(given: DirectoryDeps) {
    const deps = { ...given, db: inTime(given.db, given.answerMs) };
    this.#deps = deps;
    this.#settings = deps.defaults;
    this.#lookup = createKeyLookup({
      exist: async (hashes) => (await readKeysByHash(deps.db, hashes)).length > 0,
      catchUp: () => this.catchUp(),
      clock: deps.clock,
    });
  }

  async load(): Promise<void> {
    await this.#deps.db.snapshot(async (snapshot) => {
      this.#position = (await partitionHeads(snapshot)).get(CONTROL_PARTITION)?.position ?? 0;
      await this.#reloadSettings(snapshot);
      this.#settingsPosition = this.#position;
      await this.#reloadBans(snapshot);
      for (const user of await readUsers(snapshot, 'all')) this.#users.set(user.id, user);
      for (const key of await readKeys(snapshot, 'all')) this.#keys.set(key.id, key);
      for (const { keyId, hash } of await readKeyHashes(snapshot, 'all')) this.#keyIds.set(hash, keyId);
      for (const token of await readTokens(snapshot, 'all')) this.#tokens.set(token.id, token);
    });
    this.#schedule();
  }

  position(): number {
    return this.#position;
  }

  user(id: string): DirectoryUser | undefined {
    return this.#users.get(id);
  }

  key(id: string): DirectoryKey | undefined {
    return this.#keys.get(id);
  }

  token(id: string): DirectoryToken | undefined {
    return this.#tokens.get(id);
  }

  tokens(): Iterable<DirectoryToken> {
    return this.#tokens.values();
  }

  keyByHash(hash: string): DirectoryKey | undefined | Promise<DirectoryKey | undefined> {
    return this.knownKey(hash) ?? this.#lookup.ask(hash)?.then(() => this.knownKey(hash));
  }

  knownKey(hash: string): DirectoryKey | undefined {
    const id = this.#keyIds.get(hash);
    return id === undefined ? undefined : this.#keys.get(id);
  }

  settings(): Settings {
    return this.#settings;
  }

  storedSettings(): Partial<Settings> {
    return this.#stored;
  }

  settingsPosition(): number {
    return this.#settingsPosition;
  }

  isBanned(ip: string): boolean {
    return this.#isBanned(ip);
  }

  /** A run that has begun may have read before the caller's commit: the caller waits for one that begins after. */
  catchUp(atLeast?: number): Promise<void> {
    if (atLeast !== undefined && this.#position >= atLeast) return Promise.resolve();
    if (this.#running === null) return this.#begin();
    this.#queued ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#queued = null;
        return this.#begin();
      });
    return this.#queued;
  }

  bell(): void {
    // The poll speaks of what fails.
    if (!this.#closed) this.catchUp().catch(() => undefined);
  }

  onChange(listener: (change: DirectoryChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
    await Promise.allSettled([this.#running, this.#queued]);
  }

  #begin(): Promise<void> {
    const run = this.#follow().finally(() => {
      if (this.#running === run) this.#running = null;
    });
    this.#running = run;
    return run;
  }

  async #follow(): Promise<void> {
    const { db } = this.#deps;
    for (let more = true; more && !this.#closed; ) {
      const events = await readPartition(db, CONTROL_PARTITION, this.#position, PAGE);
      const last = events.at(-1);
      if (!last) return;
      // Rows may be newer than these events, never older: what is newer is read again with its own event.
      const touched = touchedBy(events);
      await this.#reload(touched);
      this.#position = last.position;
      if (touched.settings) this.#settingsPosition = last.position;
      this.#tell(touched);
      more = events.length === PAGE;
    }
  }

  async #reload(touched: Touched): Promise<void> {
    const { db } = this.#deps;
    if (touched.all) await this.#nameAll(touched);
    const [users, keys, tokens] = [[...touched.users], [...touched.keys], [...touched.tokens]];
    if (users.length > 0) replace(this.#users, users, await readUsers(db, users));
    if (tokens.length > 0) replace(this.#tokens, tokens, await readTokens(db, tokens));
    if (keys.length > 0) {
      replace(this.#keys, keys, await readKeys(db, keys));
      for (const { keyId, hash } of await readKeyHashes(db, keys)) this.#keyIds.set(hash, keyId);
    }
    if (touched.settings) await this.#reloadSettings(db);
    if (touched.bans) await this.#reloadBans(db);
  }

  /** Every id that is known here or in the tables. */
  async #nameAll(touched: Touched): Promise<void> {
    const { db } = this.#deps;
    for (const id of [...this.#users.keys(), ...(await readUsers(db, 'all')).map((row) => row.id)]) touched.users.add(id);
    for (const id of [...this.#keys.keys(), ...(await readKeys(db, 'all')).map((row) => row.id)]) touched.keys.add(id);
    for (const id of [...this.#tokens.keys(), ...(await readTokens(db, 'all')).map((row) => row.id)]) touched.tokens.add(id);
    touched.settings = touched.bans = true;
  }

  async #reloadSettings(db: Queryable): Promise<void> {
    this.#stored = await readSettings(db);
    this.#settings = mergeSettings(this.#deps.defaults, this.#stored);
  }

  async #reloadBans(db: Queryable): Promise<void> {
    this.#isBanned = createIpBlocks((await readIpBans(db)).map(({ cidr }) => cidr));
  }

  #tell(touched: Touched): void {
    const { users, keys, tokens, settings } = touched;
    if (users.size + keys.size + tokens.size === 0 && !settings) return;
    for (const listener of this.#listeners) {
      try {
        listener({ users, keys, tokens, settings });
      } catch (error) {
        this.#deps.logger.error({ err: error }, 'a listener to the directory failed');
      }
    }
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#poll(), this.#deps.pollMs ?? 250);
    this.#timer.unref();
  }

  async #poll(): Promise<void> {
    try {
      await this.catchUp();
      if (this.#failing) this.#deps.logger.info('the directory follows the database again');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing && !this.#closed)
        this.#deps.logger.warn({ err: error }, 'the directory cannot follow the database; what it knows stays in force');
      this.#failing = true;
    }
    this.#schedule();
  }
}

/** Rows that are gone leave. */
function replace<T extends { readonly id: string }>(known: Map<string, T>, ids: readonly string[], rows: readonly T[]): void {
  const found = new Map(rows.map((row) => [row.id, row]));
  for (const id of ids) {
    const row = found.get(id);
    if (row) known.set(id, row);
    else known.delete(id);
  }
}
