/** What differs between one node and many: everything else in the composition root sees only this. */
import type { Logger } from 'pino';
import type { Currency } from '../cluster/currency.js';
import type { Health } from '../cluster/nodeRun.js';
import type { Commands } from '../commands/define.js';
import type { Config } from '../config.js';
import type { EventLog } from '../events/log/port.js';
import type { SharedCache } from '../infra/cache/port.js';
import type { Database } from '../infra/database/port.js';
import type { Secrets } from '../infra/secrets.js';
import type { Vault } from '../infra/vault.js';
import type { Limits } from '../limits/port.js';
import type { PanelDeps } from '../panels/api/deps.js';
import type { LiveDirectory } from '../projections/directory.js';
import type { Ingest, IngestDeps } from '../projections/runner/ingest.js';
import type { Clock } from '../shared/clock.js';
import type { Ids } from '../shared/ids.js';
import type { NodeServer } from './server.js';
import type { Teardown } from './teardown.js';

export interface BackboneOptions {
  readonly config: Config;
  readonly nodeId: string;
  readonly version: string;
  readonly server: NodeServer;
  readonly teardown: Teardown;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Aborted when the process is told to stop. */
  readonly signal: AbortSignal;
}

/** What the limits need of the parts that stand by the time they open. */
export interface LimitsContext {
  readonly directory: LiveDirectory;
  readonly ingest: Ingest;
  readonly commands: Commands;
}

export interface Backbone {
  readonly db: Database;
  readonly log: EventLog;
  readonly cache: SharedCache;
  readonly secrets: Secrets;
  readonly vault: Vault;
  readonly generatedPassword: string | null;
  /** Which share of the log this node archives. */
  readonly ingest: Partial<IngestDeps>;
  /** After a control commit: tells who else should know at once. Resolves when the command may be confirmed; never rejects. */
  readonly committed?: (position: number) => Promise<void>;
  /** The limits with pool, settings and what was used in force; open requests of dead runs are being ended. */
  openLimits(context: LimitsContext): Promise<Limits>;
  /** Whether the directory is as new as it must be, from `openLimits` on; absent: nobody else changes it. */
  readonly currency?: () => Currency | undefined;
  /** The database is known not to answer. */
  readonly databaseLost?: () => boolean;
  /** Watches the stores and tells of itself, from the moment on at which everything else stands. */
  join(context: LimitsContext & { readonly requestsLastMinute: () => number }): Promise<void>;
  /** What `/health` says of the stores once the node has started. */
  health(): Health;
  /** May no new request begin, since what it did could not be recorded or bounded? */
  storageUnavailable(): boolean;
  /** How long a request waits for that to end before it is refused, ms. Default: not at all. */
  readonly storageHoldMs?: number;
  /** Is it this node's part to check the health of tokens? Asked before each step. */
  mayCheckTokens(): Promise<boolean>;
  readonly nodes: PanelDeps['nodes'];
  /** What waits in the log that is not archived yet, by partition. */
  readonly unarchived?: NonNullable<PanelDeps['unarchived']>;
  /** Counts tries over all nodes; absent: this node is all there is. */
  readonly tries?: NonNullable<PanelDeps['tries']>;
  /** Stores beside the database by name, and whether each answers this node now; for metrics. */
  readonly stores?: () => Readonly<Record<string, boolean>>;
}
