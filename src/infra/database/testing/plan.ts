/** How an engine would answer a statement, for tests that hold it to an index. */
import { type Database, type SQLQuery, sql } from '../port.js';

export interface Plan {
  /** The engine's own words; names the indices. */
  readonly words: string;
  readonly sorts: boolean;
}

/** PostgreSQL plans by what the tables hold: fill them first. */
export async function planOf(db: Database, statement: SQLQuery): Promise<Plan> {
  if (db.engine === 'postgres') await db.query(sql`analyze`);
  const rows = await db.query(db.engine === 'sqlite' ? sql`explain query plan ${statement}` : sql`explain ${statement}`);
  const words = JSON.stringify(rows);
  return { words, sorts: /TEMP B-TREE|Sort/.test(words) };
}
