/** The rows of `partitions` are the locks of everything that archives: taken in one order by all, so that nobody waits in a circle. */
import { CONTROL_PARTITION } from '../../events/define.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { rowsOf } from '../../infra/database/rows.js';

/** A process frozen while it holds them would stop everybody: the server ends its session, and what it began is rolled back. */
export async function guardLocks(tx: Queryable): Promise<void> {
  if (tx.engine === 'postgres') await tx.query(sql`set local idle_in_transaction_session_timeout = 3000`);
}

/** Until the transaction ends the server bears `ms` without a statement: for long ones, which work between their statements. */
export async function bearPauses(tx: Queryable, ms: number): Promise<void> {
  if (tx.engine === 'postgres') await tx.query(sql`select set_config('idle_in_transaction_session_timeout', ${String(ms)}, true)`);
}

/**
 * Locks until the caller's transaction ends: those named, or all. Answers where ingest stands in the log in each.
 * `control` comes last, because ingest takes it last, to tell of parked events.
 */
export async function lockPartitions(tx: Queryable, partitions: readonly string[] | 'all'): Promise<ReadonlyMap<string, string | null>> {
  const named =
    partitions === 'all'
      ? sql`true`
      : sql`partition in (${rowsOf(
          tx.engine,
          { partition: 'text' },
          partitions.map((partition) => ({ partition })),
        )})`;
  // SQLite's write transactions hold the whole file already.
  const lock = tx.engine === 'postgres' ? sql`for update` : sql``;
  const guard = guardLocks(tx);
  const locked = tx.query<{ partition: string; log_cursor: string | null }>(sql`select partition, log_cursor from partitions
    where ${named} order by case when partition = ${CONTROL_PARTITION} then 1 else 0 end, partition ${lock}`);
  const [, rows] = await Promise.all([guard, locked]);
  return new Map(rows.map(({ partition, log_cursor }) => [partition, log_cursor]));
}
