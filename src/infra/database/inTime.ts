/** A database for those who rather ask again, on another connection, than wait for one that hangs. */
import { DatabaseError } from './errors.js';
import type { Database } from './port.js';

/** What is revoked must not stay in force for longer than a few seconds because one connection is dead. */
const ANSWER_MS = 5_000;

/**
 * Single queries reject as `unavailable` when they have not been answered within `ms`; what they answer later is nobody's.
 * Transactions and snapshots keep their own limits. Default: 5,000 over a network; a file in this process is waited for.
 */
export function inTime(db: Database, ms = db.engine === 'postgres' ? ANSWER_MS : null): Database {
  if (ms === null) return db;
  return {
    engine: db.engine,
    tx: (fn) => db.tx(fn),
    snapshot: (fn) => db.snapshot(fn),
    ping: () => db.ping(),
    close: () => db.close(),
    query: (query) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new DatabaseError('unavailable', `no answer within ${ms} ms`)), ms);
        db.query(query)
          .then(resolve as (rows: unknown) => void, reject)
          .finally(() => clearTimeout(timer));
      }),
  };
}
