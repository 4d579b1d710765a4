/** Long work beside and within a transaction: in slices, so that the process goes on meanwhile, and the server does not take it for abandoned. */
import { setImmediate } from 'node:timers/promises';
import { DatabaseError } from '../../infra/database/errors.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import type { Clock } from '../../shared/clock.js';
import { MigrationFault } from './fault.js';

/** Longest stretch in which nothing else of this process runs. */
const SLICE_MS = 20;
/** A transaction hears of us at least so often. */
const PULSE_MS = 500;

/** How long the server bears a transaction that holds the lock of all commands without a statement: its process is frozen. */
export const STILL_MS = 20_000;

/** Goes through `steps` to their answer, with rests in which others have their turn, and keeps `tx` alive meanwhile. */
export async function inSlices<T>(steps: Generator<void, T>, clock: Clock, tx: Queryable): Promise<T> {
  let began = clock.monotonic();
  let told = began;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    const now = clock.monotonic();
    if (now - began < SLICE_MS) continue;
    if (now - told >= PULSE_MS) {
      await tx.query(sql`select 1 as one`);
      told = now;
    } else await setImmediate();
    began = clock.monotonic();
  }
}

/** `tx`, whose loss after a standstill is told as what it is: the connection itself only says that it was cut. */
export function tellStandstill(tx: Queryable, clock: Clock): Queryable {
  let underWay = 0;
  let answered = clock.monotonic();
  return {
    engine: tx.engine,
    async query<Row>(query: Parameters<Queryable['query']>[0]) {
      const still = underWay === 0 ? clock.monotonic() - answered : 0;
      underWay += 1;
      try {
        return await tx.query<Row>(query);
      } catch (error) {
        if (still < STILL_MS || !(error instanceof DatabaseError)) throw error;
        const seconds = Math.round(still / 1_000);
        const reason = `the database ended the transaction: this process stood still in it for ${seconds} s (suspended, or without CPU or memory); run the import again`;
        throw new MigrationFault(null, reason, { cause: error });
      } finally {
        underWay -= 1;
        answered = clock.monotonic();
      }
    },
  };
}
