/** A transaction in the shape of a database, for work that makes transactions of its own and must all be undone together. */
import { DatabaseError } from './errors.js';
import { type Database, type Queryable, type SQLQuery, sql } from './port.js';

/**
 * Transactions within become savepoints, one inside the other where need be: a failed one is undone by itself, and the rest
 * goes on. Everything is kept or undone with `tx`. Not for work that goes on at the same time; `close` leaves `tx` open.
 */
export function withinTransaction(tx: Queryable): Database {
  let depth = 0;
  // SQLite may end the whole transaction by itself (disk full): what came then would no longer belong to it.
  let lost: unknown;
  const query = async <Row>(query: SQLQuery): Promise<Row[]> => {
    if (lost !== undefined) throw new DatabaseError('statement', 'the transaction around this one has ended', { cause: lost });
    return tx.query<Row>(query);
  };
  const undo = async (name: SQLQuery): Promise<void> => {
    await query(sql`rollback to savepoint ${name}`);
    // It would stand there still, in the way of one around it that has the same name.
    await query(sql`release savepoint ${name}`);
  };
  const inside: Queryable = { engine: tx.engine, query };
  return {
    ...inside,
    async tx(fn) {
      depth += 1;
      const name = sql.ident(`within_${depth}`);
      try {
        await query(sql`savepoint ${name}`);
        try {
          const result = await fn(inside);
          await query(sql`release savepoint ${name}`);
          return result;
        } catch (error) {
          await undo(name).catch(() => {
            lost = error;
          });
          throw error;
        }
      } finally {
        depth -= 1;
      }
    },
    snapshot: (fn) => fn(inside),
    async ping() {
      await query(sql`select 1`);
    },
    close: async () => undefined,
  };
}
