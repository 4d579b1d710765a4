/** Retention by event time: what is older than a table's newest row minus its term goes. */
import { type Queryable, sql } from '../infra/database/port.js';
import type { Projection, TableName } from './define.js';

type Table = Projection['tables'][number];

/** `newest`: the newest time that this batch wrote to the table; 0: none. Rows kept longer than needed never hurt (checksums ignore them). */
export async function prune(spec: Table, newest: number, tx: Queryable, table: TableName): Promise<void> {
  if (spec.retention === undefined || newest === 0) return;
  await tx.query(sql`delete from ${table(spec.name)} where ${sql.ident(spec.retention.column)} < ${newest - spec.retention.ms}`);
}
