/** Retention by event time: what is older than a table's newest row minus its term goes, now and then. */
import type { StoredEvent } from '../events/define.js';
import { type Queryable, sql } from '../infra/database/port.js';
import type { Projection, TableName } from './define.js';

/** Every so many events of a partition: looking costs a statement a table, and rows kept longer hurt nobody (checksums ignore them). */
const EVERY = 256;

/** Is it time, after these events? Told by their positions, so that every rebuild does the same. */
export function isPruneDue(events: readonly StoredEvent[]): boolean {
  return events.some(({ position }) => position % EVERY === 0);
}

/** Tables without retention stay as they are. */
export async function prune(projection: Projection, tx: Queryable, table: TableName): Promise<void> {
  for (const { name, retention } of projection.tables) {
    if (retention === undefined) continue;
    const column = sql.ident(retention.column);
    await tx.query(sql`delete from ${table(name)} where ${column} < (select max(${column}) from ${table(name)}) - ${retention.ms}`);
  }
}
