/** Folds events that were just archived into the live tables, where this build may do so, and without leaving a hole behind another build. */
import { readPartition } from '../../events/archive.js';
import type { StoredEvent } from '../../events/define.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { rowsOf } from '../../infra/database/rows.js';
import type { Projection } from '../define.js';
import { projections as registry } from '../index.js';
import { allDone } from './allDone.js';
import { type Applied, type ApplyOptions, applyEvents } from './apply.js';
import { parkedSubjects } from './parked.js';

/** The tables are another version's than this build's: it may not write them. */
export class OtherVersion extends Error {
  override readonly name = 'OtherVersion';
}

/** A projection lacks more than fits into one transaction: it has to be prepared first. */
export class Behind extends Error {
  override readonly name = 'Behind';
}

const MOST = 5_000;

export interface LiveOptions extends ApplyOptions {
  /** Read in this transaction under the locks, of all partitions of the events. */
  readonly standing?: Standing;
}

/**
 * `events` are new and in order within each partition, and their partitions are locked by the caller's transaction. A projection
 * that a node of an older build has passed over takes what it lacks first. Throws OtherVersion and Behind; otherwise as `applyEvents`.
 */
export async function applyLive(tx: Queryable, events: readonly StoredEvent[], options: LiveOptions = {}): Promise<Applied> {
  if (events.length === 0) return { parked: [], unknownTypes: 0 };
  const projections = options.projections ?? registry;
  const firsts = firstPositions(events);
  const { stands, blocked } = options.standing ?? (await readStanding(tx, [...firsts.keys()]));
  let filled = false;
  for (const projection of projections) {
    const stand = stands.get(projection.name);
    if (stand === undefined) continue;
    if (stand.version !== projection.version) {
      throw new OtherVersion(`projection ${projection.name} is at version ${stand.version}, this build has ${projection.version}`);
    }
    for (const [partition, first] of firsts) {
      const from = stand.positions.get(partition) ?? 0;
      if (from >= first - 1) continue;
      await fill(tx, projection, { partition, from, first });
      filled = true;
    }
  }
  // What was filled in may have been parked.
  return applyEvents(tx, events, { ...options, ...(filled ? {} : { blocked }) });
}

interface Stand {
  readonly version: number;
  readonly positions: Map<string, number>;
}

/** Where the projections stand. */
export interface Standing {
  /** By projection: the version in force and how far it is in the partitions asked for. */
  readonly stands: ReadonlyMap<string, Stand>;
  /** Subjects with a parked event, by projection. */
  readonly blocked: ReadonlyMap<string, ReadonlySet<string>>;
}

/** No swap can come between: it locks all partitions. */
export async function readStanding(tx: Queryable, partitions: readonly string[]): Promise<Standing> {
  const [stands, blocked] = await allDone([standsOf(tx, partitions), parkedSubjects(tx)]);
  return { stands, blocked };
}

async function standsOf(tx: Queryable, partitions: readonly string[]): Promise<ReadonlyMap<string, Stand>> {
  const wanted = rowsOf(
    tx.engine,
    { partition: 'text' },
    partitions.map((partition) => ({ partition })),
  );
  const rows = await tx.query<{ projection: string; version: number; partition: string | null; position: number | null }>(sql`
    select s.projection as projection, s.active_version as version, c.partition as partition, c.position as position
    from projection_sets s left join projection_checkpoints c on c.projection = s.projection and c.version = s.active_version
      and c.partition in (${wanted})`);
  const stands = new Map<string, Stand>();
  for (const { projection, version, partition, position } of rows) {
    const stand = stands.get(projection) ?? { version, positions: new Map<string, number>() };
    if (partition !== null && position !== null) stand.positions.set(partition, position);
    stands.set(projection, stand);
  }
  return stands;
}

async function fill(
  tx: Queryable,
  projection: Projection,
  { partition, from, first }: { readonly partition: string; readonly from: number; readonly first: number },
): Promise<void> {
  const missing = first - 1 - from;
  if (missing > MOST) throw new Behind(`projection ${projection.name} lacks ${missing} events of ${partition}`);
  const events = await readPartition(tx, partition, from, missing);
  await applyEvents(tx, events, { projections: [projection], careful: true });
}

function firstPositions(events: readonly StoredEvent[]): ReadonlyMap<string, number> {
  const firsts = new Map<string, number>();
  for (const { partition, position } of events) if (!firsts.has(partition)) firsts.set(partition, position);
  return firsts;
}
