/** Where each projection stands against the archive, and the events that projections put aside. */
import { partitionHeads } from '../../../events/archive.js';
import { type Queryable, sql } from '../../../infra/database/port.js';
import { projections } from '../../../projections/index.js';
import { type Page, pageOf } from '../../../projections/page.js';

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
  /** ms since epoch of the first event behind it. */
  readonly waiting_since: number | null;
}

/** `now` in ms since epoch. Made from committed rows only, never from what a process says of itself. */
export async function projectionStandings(db: Queryable, now: number): Promise<ProjectionStanding[]> {
  const heads = await partitionHeads(db);
  const active = new Map(
    (await db.query<{ projection: string; active_version: number }>(sql`select projection, active_version from projection_sets`)).map(
      (row) => [row.projection, row.active_version],
    ),
  );
  const checkpoints = await db.query<Checkpoint>(sql`
    select c.projection, c.version, c.partition, c.position, a.time as waiting_since
    from projection_checkpoints c left join archive a on a.partition = c.partition and a.position = c.position + 1`);
  const parked = new Map(
    (
      await db.query<{ projection: string; n: number }>(
        sql`select projection, count(*) as n from parked_events where state = 'parked' group by projection`,
      )
    ).map((row) => [row.projection, Number(row.n)]),
  );
  return projections.map(({ name, version: built }) => {
    const version = active.get(name) ?? built;
    const own = new Map(checkpoints.filter((row) => row.projection === name && row.version === version).map((row) => [row.partition, row]));
    return {
      name,
      version,
      parked: parked.get(name) ?? 0,
      partitions: [...heads].map(([partition, { position: head }]) => standing(partition, head, own.get(partition), now)),
    };
  });
}

function standing(partition: string, head: number, checkpoint: Checkpoint | undefined, now: number): PartitionStanding {
  const position = checkpoint?.position ?? 0;
  // The heads were read first: a checkpoint may have gone past them meanwhile.
  const lagEvents = Math.max(0, head - position);
  const since = checkpoint?.waiting_since ?? null;
  return {
    partition,
    position,
    head: Math.max(head, position),
    lagEvents,
    lagMs: lagEvents === 0 || since === null ? 0 : Math.max(0, now - since),
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
