/** What a projection is: a pure fold of events in memory, and a writer of what the fold found. */
import type { StoredEvent } from '../events/define.js';
import type { Queryable, SQLQuery } from '../infra/database/port.js';

/** Name of a projection's table as a quoted SQL identifier; a rebuild answers with scratch tables. */
export type TableName = (name: string) => SQLQuery;

/**
 * `Batch` is what one batch of events folds into: deltas for tables that commute, states for those
 * fed by one partition only. Folds see no clock, no randomness and no database; a throw parks the event.
 */
export interface Projection<Batch = unknown> {
  readonly name: string;
  /** Raised with every change of meaning; the running code must know the active version. */
  readonly version: number;
  readonly tables: readonly {
    readonly name: string;
    /** Columns of the primary key, in order; checksums read in this order. */
    readonly key: readonly string[];
    /** Rows whose `column` (ms) is older than the newest one minus `ms` may be dropped, and do not count in checksums. */
    readonly retention?: { readonly column: string; readonly ms: number };
  }[];
  /** Event types it takes. */
  readonly types: readonly string[];
  /** Does a later event of a subject make no sense without an earlier one? Then it is parked behind it. */
  readonly ordered?: boolean;
  start(): Batch;
  fold(batch: Batch, event: StoredEvent): void;
  /** Writes with sorted upserts, one statement per table. */
  flush(batch: Batch, tx: Queryable, table: TableName): Promise<void>;
}

export function defineProjection<Batch>(projection: Projection<Batch>): Projection<Batch> {
  return projection;
}
