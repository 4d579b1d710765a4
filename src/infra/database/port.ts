/** The one interface to a relational store. SQL is written with the `sql` template; values never become text. */
import databases, { type SQLQuery } from '@databases/sql';

// The package is CommonJS: its default export arrives as a member of the module.
export const sql = databases.default;
/** Kinds of the parts that a query is made of, for those that put together more than templates do well. */
export const sqlItem = databases.SQLItemType;
export type { SQLQuery } from '@databases/sql';

export type Engine = 'sqlite' | 'postgres';

export interface Queryable {
  readonly engine: Engine;
  /** Rows as plain objects. 64-bit integers come as numbers; booleans as 0/1 on SQLite: read them with `Boolean(...)`. */
  query<Row = Record<string, unknown>>(query: SQLQuery): Promise<Row[]>;
}

export interface Database extends Queryable {
  /**
   * Runs `fn` in one write transaction: all or nothing. Throwing rolls back and rethrows. Not nestable.
   * On PostgreSQL others write at the same time (read committed): what is read to be changed is read with `forUpdate`.
   * A statement that fails ends the transaction, unless a savepoint stands before it.
   */
  tx<T>(fn: (tx: Queryable) => Promise<T>): Promise<T>;
  /** Runs `fn` on one consistent read snapshot. */
  snapshot<T>(fn: (tx: Queryable) => Promise<T>): Promise<T>;
  /** Rejects when the store cannot answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** At the end of a select: nobody else changes or locks its rows until the transaction ends. SQLite's write transactions hold the whole file already. */
export function forUpdate(engine: Engine): SQLQuery {
  return engine === 'postgres' ? sql`for update` : sql``;
}
