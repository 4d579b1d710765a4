/** Folds events into one projection's batch, putting aside those it cannot take, and writes the batch. */
import type { StoredEvent } from '../../events/define.js';
import { DatabaseError } from '../../infra/database/errors.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { safeText } from '../../shared/safeText.js';
import type { Projection, TableName } from '../define.js';
import type { PoisonReason, Ready } from './decode.js';

/** An event that a projection could not take. */
export interface Poison {
  readonly projection: Projection;
  readonly event: StoredEvent;
  readonly reason: PoisonReason;
  readonly error: string;
}

export interface Folded {
  readonly batch: unknown;
  /** Those in the batch, in order. */
  readonly taken: readonly Ready[];
  readonly poison: readonly Poison[];
}

/** The live tables: a projection's tables under their own names. */
export const liveTable: TableName = (name) => sql.ident(name);

/** `blocked`: subjects with a parked event; where order matters, later events of theirs are put aside too. */
export function foldAll(projection: Projection, items: readonly Ready[], blocked: ReadonlySet<string> = new Set()): Folded {
  const held = new Set(blocked);
  const taken: Ready[] = [];
  const poison: Poison[] = [];
  let batch = projection.start();
  const putAside = (event: StoredEvent, reason: PoisonReason, error: string): void => {
    poison.push({ projection, event, reason, error });
    held.add(event.subject);
  };
  for (const item of items) {
    const { event, fault } = item;
    if (projection.ordered && held.has(event.subject)) {
      putAside(event, 'behind_parked', 'an earlier event of this subject is parked');
    } else if (fault) {
      putAside(event, fault.reason, fault.error);
    } else {
      try {
        projection.fold(batch, event);
        taken.push(item);
      } catch (error) {
        putAside(event, 'fold_failed', wordsOf(error));
        // The handler may have left half of its work in the batch: fold those it took again.
        batch = projection.start();
        for (const { event: again } of taken) projection.fold(batch, again);
      }
    }
  }
  return { batch, taken, poison };
}

/**
 * Writes what was folded, finding by halves the events whose rows the database refuses. Slow: for a batch
 * that has failed once. Errors of the database itself are thrown.
 */
export async function writeCarefully(projection: Projection, folded: Folded, tx: Queryable, table: TableName): Promise<readonly Poison[]> {
  await tx.query(sql`savepoint carefully`);
  try {
    await projection.flush(folded.batch, tx, table);
    await tx.query(sql`release savepoint carefully`);
    return [];
  } catch (error) {
    if (!isForContent(error)) throw error;
    await tx.query(sql`rollback to savepoint carefully`);
    await tx.query(sql`release savepoint carefully`);
    const { taken } = folded;
    const [only] = taken;
    if (only === undefined) throw error;
    if (taken.length === 1) return [{ projection, event: only.event, reason: 'write_failed', error: wordsOf(error) }];
    const middle = taken.length >> 1;
    const first = await writeCarefully(projection, foldAll(projection, taken.slice(0, middle)), tx, table);
    const rest = foldAll(projection, taken.slice(middle), new Set(first.map(({ event }) => event.subject)));
    return [...first, ...rest.poison, ...(await writeCarefully(projection, rest, tx, table))];
  }
}

/** A statement that does not fit the tables would refuse every event: that is no fault of theirs (SQLite's and PostgreSQL's codes). */
export function isForContent(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return true;
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return !error.transient && code !== 'SQLITE_ERROR' && !code.startsWith('42');
}

function wordsOf(error: unknown): string {
  return safeText(error instanceof Error ? error.message : String(error), 500);
}
