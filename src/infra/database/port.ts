/** The one interface to a relational store. SQL is written with the `sql` template; values never become text. */
import databases, { type SQLQuery } from '@databases/sql';

// The package is CommonJS: its default export arrives as a member of the module.
export const sql = databases.default;
export type { SQLQuery } from '@databases/sql';

export type Engine = 'sqlite' | 'postgres';

export interface Queryable {
  readonly engine: Engine;
  /** Rows as plain objects. 64-bit integers come as numbers; booleans as 0/1 on SQLite: read them with `Boolean(...)`. */
  query<Row = Record<string, unknown>>(query: SQLQuery): Promise<Row[]>;
}

export interface Database extends Queryable {
  /** Runs `fn` in one write transaction: all or nothing. Throwing rolls back and rethrows. Not nestable. */
  tx<T>(fn: (tx: Queryable) => Promise<T>): Promise<T>;
  /** Runs `fn` on one consistent read snapshot. */
  snapshot<T>(fn: (tx: Queryable) => Promise<T>): Promise<T>;
  /** Rejects when the store cannot answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
