/** Folds archived events into the live tables of all projections and advances their checkpoints, in the caller's transaction. */
import type { StoredEvent } from '../../events/define.js';
import type { Queryable } from '../../infra/database/port.js';
import type { Projection } from '../define.js';
import { projections as registry } from '../index.js';
import { isPruneDue, prune } from '../prune.js';
import { allDone } from './allDone.js';
import { advance, lastPositions } from './checkpoints.js';
import { decodeAll, type Ready } from './decode.js';
import { foldAll, liveTable, type Poison, writeCarefully } from './fold.js';
import { answersIn, DISCARDED, hasEarlierParked, park, parkedId, parkedSubjects, RETRIED, settleParked, stillParked } from './parked.js';
import { readEvent } from './readEvents.js';

export interface ApplyOptions {
  /** Default: the registry. */
  readonly projections?: readonly Projection[];
  /** Finds out which events the database refuses and parks them, instead of throwing. Slow; for a second try. */
  readonly careful?: boolean;
  /** ms since epoch, for the rows of parked events; default: the newest event's time. */
  readonly now?: number;
  /** Subjects with a parked event, by projection, where that is known. */
  readonly blocked?: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface Applied {
  /** Events put aside, one for each projection that could not take them. */
  readonly parked: readonly Poison[];
  /** Events of types that this code does not know: in the archive, in no read model. */
  readonly unknownTypes: number;
}

/**
 * `events` are new, in order within each partition. An event that a projection cannot take is parked for that
 * projection and the rest goes on; errors of the database are thrown.
 */
export async function applyEvents(tx: Queryable, events: readonly StoredEvent[], options: ApplyOptions = {}): Promise<Applied> {
  if (events.length === 0) return { parked: [], unknownTypes: 0 };
  const projections = options.projections ?? registry;
  const { ready, unknown } = decodeAll(events);
  const blocked = options.blocked ?? (await parkedSubjects(tx));
  const parked: Poison[] = [];
  const writes: Promise<void>[] = [];
  for (const [projection, items] of itemsByProjection(projections, ready)) {
    const folded = foldAll(projection, items, blocked.get(projection.name));
    parked.push(...folded.poison);
    if (options.careful) parked.push(...(await writeCarefully(projection, folded, tx, liveTable)));
    // The next projection is folded while the database writes this one.
    else if (folded.taken.length > 0) writes.push(projection.flush(folded.batch, tx, liveTable));
  }
  writes.push(advance(tx, projections, lastPositions(events)));
  await allDone(writes);
  if (isPruneDue(events)) for (const projection of projections) await prune(projection, tx, liveTable);
  if (blocked.size > 0) parked.push(...(await followAnswers(tx, projections, events)));
  await park(tx, parked, options.now ?? newest(events));
  return { parked, unknownTypes: unknown };
}

function itemsByProjection(projections: readonly Projection[], ready: readonly Ready[]): ReadonlyMap<Projection, readonly Ready[]> {
  const takers = new Map<string, Ready[][]>();
  const items = new Map<Projection, Ready[]>();
  for (const projection of projections) {
    const list: Ready[] = [];
    items.set(projection, list);
    for (const type of projection.types) {
      const lists = takers.get(type);
      if (lists) lists.push(list);
      else takers.set(type, [list]);
    }
  }
  for (const item of ready) for (const list of takers.get(item.event.type) ?? []) list.push(item);
  for (const [projection, list] of items) if (list.length === 0) items.delete(projection);
  return items;
}

/** What admins decided about parked events takes effect where their events stand. */
async function followAnswers(tx: Queryable, projections: readonly Projection[], events: readonly StoredEvent[]): Promise<Poison[]> {
  const answers = answersIn(events).map((answer) => ({
    ...answer,
    id: parkedId(answer.ref.projection, answer.ref.partition, answer.ref.position),
  }));
  const waiting = await stillParked(
    tx,
    answers.map(({ id }) => id),
  );
  const again: Poison[] = [];
  for (const { type, ref, id } of answers) {
    if (!waiting.has(id)) continue;
    if (type === DISCARDED) await settleParked(tx, [id], 'discarded');
    if (type !== RETRIED) continue;
    const projection = projections.find(({ name }) => name === ref.projection);
    const event = await readEvent(tx, ref.partition, ref.position);
    if (!projection || !event) continue;
    const held = projection.ordered === true && (await hasEarlierParked(tx, id));
    const folded = foldAll(projection, decodeAll([event]).ready, new Set(held ? [event.subject] : []));
    const failed = [...folded.poison, ...(await writeCarefully(projection, folded, tx, liveTable))];
    if (failed.length === 0) await settleParked(tx, [id], 'retried');
    again.push(...failed);
  }
  return again;
}

function newest(events: readonly StoredEvent[]): number {
  return events.reduce((latest, { time }) => Math.max(latest, time), 0);
}
