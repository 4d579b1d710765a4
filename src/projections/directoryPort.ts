/** What the directory answers, and what it stands on. */
import type { Logger } from 'pino';
import type { StoredEvent } from '../events/define.js';
import type { Database } from '../infra/database/port.js';
import type { Clock } from '../shared/clock.js';
import type { Settings } from '../shared/settings.js';
import type { DirectoryKey, DirectoryToken, DirectoryUser } from './directoryRows.js';
import type { EndedSessions } from './endedSessions.js';

export type { DirectoryKey, DirectoryToken, DirectoryUser } from './directoryRows.js';

export interface DirectoryChange {
  readonly users: ReadonlySet<string>;
  readonly keys: ReadonlySet<string>;
  readonly tokens: ReadonlySet<string>;
  readonly settings: boolean;
}

export interface Directory {
  /**
   * Control position up to which everything here is known; users and keys that nobody has known before may come a moment later
   * when they are very many.
   */
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
  /** Sessions that ended before their time. */
  readonly sessions: EndedSessions;
  /** Follows the control partition now, to its end, or until `position()` is `atLeast`; returns at once when it is. */
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
  /** Monotonic ms: every change that the database had then is known here, but for new users and keys, as with `position()`. */
  followedAt(): number;
  /**
   * Folds control events that came another way than from the database, in the order of their positions: those behind a gap, and
   * those that only the tables can tell, are left. The tables are read again once they can be.
   */
  runAhead(events: readonly StoredEvent[]): void;
  /** The database was followed to its end. Answers what ends it. */
  onFollowed(listener: () => void): () => void;
  /** Something has changed: follows at once instead of at the next poll. Any number of calls costs two looks at most. */
  bell(): void;
}
