/** What the keeper of the home needs, and what it says. */
import type { Logger } from 'pino';
import type { Database } from '../../infra/database/port.js';
import type { RedisConnection } from '../../infra/redis/connection.js';
import type { Ledger } from '../facts.js';
import type { LimitSettings } from '../port.js';
import type { BuilderDeps } from './builder.js';
import type { Place } from './row.js';

export interface RunSeen {
  readonly runId: string;
  readonly redisUp: boolean;
}

export interface Timings {
  /** A look at the row while anything is unusual, and else. */
  readonly pollMs: number;
  readonly idleMs: number;
  /** Redis must be gone, or back, for so long before the limits move. */
  readonly lostAfterMs: number;
  readonly backAfterMs: number;
  /** How much longer than the one before it each node waits before it fills a home too. */
  readonly standInMs: number;
  /** What was sent is noted beside so often. */
  readonly noteMs: number;
}

export const defaultTimings: Timings = {
  pollMs: 250,
  idleMs: 2_000,
  lostAfterMs: 1_000,
  backAfterMs: 5_000,
  standInMs: 1_000,
  noteMs: 1_000,
};

export interface KeeperDeps extends BuilderDeps {
  readonly db: Database;
  readonly redis: RedisConnection;
  readonly ledger: Ledger;
  readonly monotonic: () => number;
  readonly timings: Timings;
  /** Does this node reach Redis? */
  readonly redisUp: () => boolean;
  /** Runs that may not be taken for dead, this one included. Rejects where that is not known. */
  readonly living: () => Promise<readonly RunSeen[]>;
  readonly deadRuns: (runIds: readonly string[]) => Promise<readonly string[]>;
  /** Is the database known not to answer? */
  readonly databaseLost: () => boolean;
  /** The database is lost, and nobody can have moved the home on from this term. */
  readonly isHomeStill: (term: number) => boolean;
  readonly settings: () => LimitSettings;
  /** The limits have a home again on this node. */
  readonly onOpen: () => void;
  /** Home, term, or whether it is open has changed. */
  readonly onChange: () => void;
  readonly logger: Logger;
}

export interface HomeState {
  readonly home: Place;
  readonly term: number;
  /** Admissions are made here now. */
  readonly open: boolean;
  /** Others reach the Redis that the limits live in, this node does not. */
  readonly cutOff: boolean;
}
