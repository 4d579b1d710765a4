/** How an engine would answer a statement, for tests that hold it to an index. */
import { type Database, type SQLQuery, sql } from '../port.js';

export interface Plan {
  /** The engine's own words; names the indices. */
  readonly words: string;
  readonly sorts: boolean;
}

/** PostgreSQL would rather read a small table whole: its plan is the one it has when it may neither do that nor sort. */
export async function planOf(db: Database, statement: SQLQuery): Promise<Plan> {
  if (db.engine === 'sqlite') return planFrom(await db.query(sql`explain query plan ${statement}`));
  return db.tx(async (tx) => {
    await tx.query(sql`analyze`);
    await tx.query(sql`set local enable_seqscan = off`);
    await tx.query(sql`set local enable_sort = off`);
    return planFrom(await tx.query(sql`explain ${statement}`));
  });
}

function planFrom(rows: readonly unknown[]): Plan {
  const words = JSON.stringify(rows);
  return { words, sorts: /TEMP B-TREE|Sort/.test(words) };
}
