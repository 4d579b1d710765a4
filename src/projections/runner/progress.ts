/** Where the archive stands in the event log, as the database has it. */
import { CONTROL_PARTITION } from '../../events/define.js';
import type { EventLog, Watermark } from '../../events/log/port.js';
import { type Database, type Queryable, sql } from '../../infra/database/port.js';

/** By traffic partition; absent: nothing of it is archived yet. */
export async function readCursors(db: Queryable): Promise<Map<string, string>> {
  const rows = await db.query<{ partition: string; log_cursor: string | null }>(sql`select partition, log_cursor from partitions`);
  const cursors = new Map<string, string>();
  for (const { partition, log_cursor } of rows)
    if (log_cursor !== null && partition !== CONTROL_PARTITION) cursors.set(partition, log_cursor);
  return cursors;
}

/** A run whose last archived event is older than this waits for no word of it. */
const RECENT_MS = 86_400_000;

/** What the log may forget, for when the word of a commit was lost. `now` in ms since epoch. */
export async function storedWatermarks(db: Database, now: number): Promise<Watermark[]> {
  return db.snapshot(async (snapshot) => {
    const cursors = await readCursors(snapshot);
    const rows = await snapshot.query<{ partition: string; src: string; n: number }>(
      sql`select partition, src, n from producers where updated_at > ${now - RECENT_MS}`,
    );
    const producers = new Map<string, Map<string, number>>();
    for (const { partition, src, n } of rows) producers.set(partition, (producers.get(partition) ?? new Map<string, number>()).set(src, n));
    return [...cursors].map(([partition, cursor]) => ({ partition, cursor, producers: producers.get(partition) ?? new Map() }));
  });
}

/** What the log holds of a partition behind the archive. */
export interface Unarchived {
  /** At most the limit asked for. */
  readonly events: number;
  /** Time of the oldest, ms since epoch. */
  readonly since: number;
}

/**
 * By partition; those where nothing waits are left out. Looks at `limit` entries of each at most. A log that cannot be read
 * tells nothing: then what waits is in the nodes' own backlogs.
 */
export async function unarchivedIn(
  log: Pick<EventLog, 'partitions' | 'read'>,
  db: Queryable,
  limit: number,
): Promise<ReadonlyMap<string, Unarchived>> {
  const cursors = await readCursors(db);
  const found = new Map<string, Unarchived>();
  await Promise.all(
    log.partitions.map(async (partition) => {
      const entries = await log.read(cursors, { limit, waitMs: 0, lingerMs: 0, partitions: [partition], peek: true }).catch(() => []);
      const [first] = entries;
      if (first) found.set(partition, { events: entries.length, since: first.event.time });
    }),
  );
  return found;
}
