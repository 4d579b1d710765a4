/** Looks events up in the archive by their ids, whichever partition has them. */
import { type Queryable, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { daysOf, inDays } from './archiveDays.js';

/** More in one statement gain nothing. */
const AT_ONCE = 1_000;

/** Payloads by event id, as JSON text; those that the archive does not have are left out. */
export async function archivedPayloads(db: Queryable, ids: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let i = 0; i < ids.length; i += AT_ONCE) {
    const some = ids.slice(i, i + AT_ONCE);
    const rows = await db.query<{ id: string; data: string }>(sql`select id, data from archive
      where ${inDays(db, daysOf(some))} and id in (${rowsOf(
        db.engine,
        { id: 'text' },
        some.map((id) => ({ id })),
      )})`);
    for (const { id, data } of rows) found.set(id, data);
  }
  return found;
}
