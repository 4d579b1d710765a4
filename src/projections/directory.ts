/** The directory: this node's memory of users, keys, tokens, settings and bans, so that the hot path asks no database. */
import { partitionHeads } from '../events/archive.js';
import { CONTROL_PARTITION, type StoredEvent } from '../events/define.js';
import { inTime } from '../infra/database/inTime.js';
import { mergeSettings, type Settings } from '../shared/settings.js';
import { foldable, foldInto } from './directoryAhead.js';
import { readChanges, readCreated } from './directoryChanges.js';
import { createDirectoryListeners, type DirectoryListeners } from './directoryListeners.js';
import { emptyMemory, nameAll, readInto } from './directoryLoad.js';
import type { DirectoryChange, DirectoryDeps, DirectoryKey, DirectoryToken, DirectoryUser, LiveDirectory } from './directoryPort.js';
import { readKeysByHash } from './directoryRows.js';
import { addTouched, nothingTouched, type Touched, touchedBy } from './directoryTouched.js';
import { createEndedSessions, type FollowingEndedSessions } from './endedSessions.js';
import { createIpBlocks } from './ipBlocks.js';
import { createKeyLookup, type KeyLookup } from './keyLookup.js';
import { createNewcomers, type Newcomers } from './newcomers.js';

export type { Directory, DirectoryChange, DirectoryKey, DirectoryToken, DirectoryUser, LiveDirectory } from './directoryPort.js';

/** Loads everything in one snapshot. */
export async function openDirectory(deps: DirectoryDeps): Promise<LiveDirectory> {
  const directory = new FollowingDirectory(deps);
  await directory.load();
  return directory;
}

/** Users and keys nobody has known before that are read in one go; more wait until all else is in force. */
const NEW_AT_ONCE = 1_000;

class FollowingDirectory implements LiveDirectory {
  readonly #deps: DirectoryDeps;
  readonly #memory = emptyMemory();
  readonly #listeners: DirectoryListeners;
  readonly #followListeners = new Set<() => void>();
  readonly #waiters = new Set<{ readonly atLeast: number; readonly resolve: () => void }>();
  readonly #newcomers: Newcomers;
  readonly #lookup: KeyLookup;
  readonly sessions: FollowingEndedSessions;
  #stored: Partial<Settings> = {};
  #settings: Settings;
  #isBanned: (ip: string) => boolean = () => false;
  #position = 0;
  #settingsPosition = 0;
  #followedAt = Number.NEGATIVE_INFINITY;
  /** What was folded ahead of the tables: to be read from them as soon as they answer. */
  #ahead: Touched | null = null;
  #running: Promise<void> | null = null;
  #queued: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;
  #closed = false;

  constructor(given: DirectoryDeps) {
    const deps = { ...given, db: inTime(given.db, given.answerMs) };
    this.#deps = deps;
    this.#settings = deps.defaults;
    this.#listeners = createDirectoryListeners(deps.logger);
    this.sessions = createEndedSessions(deps.clock);
    this.#newcomers = createNewcomers({
      created: (span, limit) => readCreated(deps.db, span, limit),
      atOnce: NEW_AT_ONCE,
    });
    this.#lookup = createKeyLookup({
      exist: async (hashes) => (await readKeysByHash(deps.db, hashes)).length > 0,
      catchUp: () => this.catchUp(),
      clock: deps.clock,
    });
  }

  async load(): Promise<void> {
    const began = this.#deps.clock.monotonic();
    await this.#deps.db.snapshot(async (snapshot) => {
      this.#position = (await partitionHeads(snapshot)).get(CONTROL_PARTITION)?.position ?? 0;
      this.#settingsPosition = this.#position;
      (await readInto(this.#memory, snapshot, 'all'))();
      await this.sessions.load(snapshot);
    });
    this.#derive({ settings: true, bans: true });
    this.#followedAt = began;
    this.#schedule();
  }

  position(): number {
    return this.#position;
  }

  followedAt(): number {
    return this.#followedAt;
  }

  user(id: string): DirectoryUser | undefined {
    return this.#memory.users.get(id);
  }

  key(id: string): DirectoryKey | undefined {
    return this.#memory.keys.get(id);
  }

  token(id: string): DirectoryToken | undefined {
    return this.#memory.tokens.get(id);
  }

  tokens(): Iterable<DirectoryToken> {
    return this.#memory.tokens.values();
  }

  keyByHash(hash: string): DirectoryKey | undefined | Promise<DirectoryKey | undefined> {
    return this.knownKey(hash) ?? this.#lookup.ask(hash)?.then(() => this.knownKey(hash));
  }

  knownKey(hash: string): DirectoryKey | undefined {
    const id = this.#memory.keyIds.get(hash);
    return id === undefined ? undefined : this.#memory.keys.get(id);
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

  catchUp(atLeast?: number): Promise<void> {
    if (atLeast === undefined) return this.#followNow();
    if (this.#position >= atLeast) return Promise.resolve();
    // Whichever way brings it first.
    return new Promise((resolve, reject) => {
      const waiter = { atLeast, resolve };
      this.#waiters.add(waiter);
      this.#followNow()
        .then(resolve, reject)
        .finally(() => this.#waiters.delete(waiter));
    });
  }

  bell(): void {
    // The poll speaks of what fails.
    if (!this.#closed) this.catchUp().catch(() => undefined);
  }

  runAhead(events: readonly StoredEvent[]): void {
    const taken = foldable(events, this.#position);
    if (taken.length === 0) return;
    const touched = touchedBy(taken);
    foldInto(this.#memory, taken);
    this.sessions.take(taken);
    this.#ahead ??= nothingTouched();
    addTouched(this.#ahead, touched);
    this.#advance(this.#position + taken.length, touched);
  }

  onChange(listener: (change: DirectoryChange) => void): () => void {
    return this.#listeners.add(listener);
  }

  onFollowed(listener: () => void): () => void {
    this.#followListeners.add(listener);
    return () => void this.#followListeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
    this.#followListeners.clear();
    await Promise.allSettled([this.#running, this.#queued]);
  }

  /** A run that has begun may have read before the caller's commit: the caller waits for one that begins after. */
  #followNow(): Promise<void> {
    if (this.#running === null) return this.#begin();
    this.#queued ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#queued = null;
        return this.#begin();
      });
    return this.#queued;
  }

  #begin(): Promise<void> {
    const run = this.#follow().finally(() => {
      if (this.#running === run) this.#running = null;
    });
    this.#running = run;
    return run;
  }

  /**
   * What changes anything known comes first, and again between what is new: however much is new at once (an import), what was
   * revoked is in force as soon as ever.
   */
  async #follow(): Promise<void> {
    while (!this.#closed) {
      const began = this.#deps.clock.monotonic();
      if (!(await this.#takeChanges())) continue;
      this.#followed(began);
      if (this.#newcomers.isEmpty()) break;
      await this.#takeNewcomers();
    }
  }

  /** The next events; new users and keys are put aside where they are many. Was that the end? */
  async #takeChanges(): Promise<boolean> {
    const position = this.#position;
    const { events, upTo, isAll, created } = await readChanges(this.#deps.db, position);
    if (created) this.#newcomers.createdIn(created);
    const ahead = this.#ahead;
    if (upTo > position || ahead !== null) {
      // Rows may be newer than these events, never older: what is newer is read again with its own event.
      const touched = touchedBy(events);
      if (ahead !== null) addTouched(touched, ahead);
      if (touched.all) nameAll(touched, this.#memory);
      const later = touched.all ? nothingTouched() : this.#newcomers.split(touched, this.#memory);
      const put = await readInto(this.#memory, this.#deps.db, touched);
      // What was folded meanwhile may be newer than these rows.
      if (this.#position !== position) return false;
      put();
      this.sessions.take(events);
      if (touched.all) {
        nameAll(touched, this.#memory);
        this.#newcomers.clear();
      }
      this.#newcomers.add(later);
      this.#ahead = null;
      this.#advance(upTo, touched);
    }
    return isAll;
  }

  async #takeNewcomers(): Promise<void> {
    const some = await this.#newcomers.next(this.#memory);
    const position = this.#position;
    const put = await readInto(this.#memory, this.#deps.db, some);
    if (this.#position !== position) return;
    put();
    this.#newcomers.done(some);
    this.#advance(position, some);
  }

  #advance(position: number, touched: Touched): void {
    this.#position = position;
    this.#derive(touched);
    if (touched.settings) this.#settingsPosition = position;
    this.#listeners.tell(touched);
    for (const waiter of this.#waiters) if (position >= waiter.atLeast) waiter.resolve();
  }

  #followed(began: number): void {
    this.#followedAt = began;
    for (const listener of this.#followListeners) listener();
  }

  /** What is kept ready for the hot path. */
  #derive({ settings, bans }: Pick<Touched, 'settings' | 'bans'>): void {
    if (settings) {
      this.#stored = Object.fromEntries(this.#memory.settings) as Partial<Settings>;
      this.#settings = mergeSettings(this.#deps.defaults, this.#stored);
    }
    if (bans) this.#isBanned = createIpBlocks([...this.#memory.bans.values()]);
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
