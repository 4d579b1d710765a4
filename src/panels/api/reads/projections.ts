/** Where each projection stands against the archive, and the events that projections put aside. */
import { partitionHeads, readPartition } from '../../../events/archive.js';
import { type Queryable, sql } from '../../../infra/database/port.js';
import { projections } from '../../../projections/index.js';
import { type Page, pageOf } from '../../../projections/page.js';
import { activeVersions } from '../../../projections/runner/checkpoints.js';
import type { Unarchived } from '../../../projections/runner/progress.js';

export interface PartitionStanding {
  readonly partition: string;
  readonly position: number;
  readonly head: number;
  readonly lagEvents: number;
  /** Age of the oldest event not folded yet; 0: none waits. */
  readonly lagMs: number;
  readonly status: 'live' | 'behind';
}

export interface ProjectionStanding {
  readonly name: string;
  /** The version that serves reads. */
  readonly version: number;
  /** Events put aside and not answered. */
  readonly parked: number;
  readonly partitions: readonly PartitionStanding[];
}

interface Checkpoint {
  readonly projection: string;
  readonly version: number;
  readonly partition: string;
  readonly position: number;
}

const noneWaits: ReadonlyMap<string, Unarchived> = new Map();

/**
 * `now` in ms since epoch. Made from committed rows and from what the log holds behind them (`unarchived`, by partition), never
 * from what a process says of itself.
 */
export async function projectionStandings(db: Queryable, now: number, unarchived = noneWaits): Promise<ProjectionStanding[]> {
  const heads = await partitionHeads(db);
  const active = await activeVersions(db);
  const checkpoints = await db.query<Checkpoint>(sql`select projection, version, partition, position from projection_checkpoints`);
  const parked = new Map(
    (
      await db.query<{ projection: string; n: number }>(
        sql`select projection, count(*) as n from parked_events where state = 'parked' group by projection`,
      )
    ).map((row) => [row.projection, Number(row.n)]),
  );
  return Promise.all(
    projections.map(async ({ name, version: built }) => {
      const version = active.get(name) ?? built;
      const own = checkpoints.filter((row) => row.projection === name && row.version === version);
      const positions = new Map(own.map(({ partition, position }) => [partition, position]));
      const partitions = [...heads].map(async ([partition, { position: head }]) => {
        const position = positions.get(partition) ?? 0;
        const since = position < head ? await timeBehind(db, partition, position) : null;
        return standing({ partition, position, archived: head, since, waiting: unarchived.get(partition), now });
      });
      return { name, version, parked: parked.get(name) ?? 0, partitions: await Promise.all(partitions) };
    }),
  );
}

/** Time of the first event behind a position, ms since epoch. */
async function timeBehind(db: Queryable, partition: string, position: number): Promise<number | null> {
  const [first] = await readPartition(db, partition, position, 1);
  return first?.time ?? null;
}

function standing(at: {
  readonly partition: string;
  readonly position: number;
  /** Head of the archive. */
  readonly archived: number;
  /** Time of the first archived event that is not folded. */
  readonly since: number | null;
  readonly waiting: Unarchived | undefined;
  readonly now: number;
}): PartitionStanding {
  const { partition, position, waiting } = at;
  // The heads were read first: a checkpoint may have gone past them meanwhile.
  const head = Math.max(at.archived, position) + (waiting?.events ?? 0);
  const since = at.since ?? waiting?.since ?? null;
  const lagEvents = head - position;
  return {
    partition,
    position,
    head,
    lagEvents,
    lagMs: lagEvents === 0 || since === null ? 0 : Math.max(0, at.now - since),
    status: lagEvents === 0 ? 'live' : 'behind',
  };
}

export interface ParkedRow {
  readonly id: string;
  /** ms since epoch */
  readonly at: number;
  readonly projection: string;
  readonly eventId: string;
  readonly type: string;
  readonly subject: string;
  readonly partition: string;
  readonly position: number;
  readonly reason: string;
  readonly error: string;
  readonly state: 'parked' | 'retried' | 'discarded';
}

const parkedTable = sql`(select id, parked_at as at, projection, event_id, type, subject, partition, position, reason, error, state from parked_events) as p`;

type StoredParked = Omit<ParkedRow, 'eventId'> & { readonly event_id: string };

function toParked({ event_id: eventId, ...row }: StoredParked): ParkedRow {
  return { ...row, eventId };
}

/** Newest first. Throws `invalid_request` naming `cursor`. */
export function listParked(
  db: Queryable,
  query: {
    readonly projection?: string | undefined;
    readonly state: ParkedRow['state'];
    readonly cursor?: string | undefined;
    readonly limit: number;
  },
): Promise<Page<ParkedRow>> {
  const where = [sql`state = ${query.state}`];
  if (query.projection !== undefined) where.push(sql`projection = ${query.projection}`);
  return pageOf(db, { limit: query.limit, cursor: query.cursor, table: parkedTable, where, read: toParked });
}

export async function parkedEvent(db: Queryable, id: string): Promise<ParkedRow | undefined> {
  const [row] = await db.query<StoredParked>(sql`select * from ${parkedTable} where id = ${id}`);
  return row && toParked(row);
}
