/** Folds the archive anew into scratch tables, beside the live ones, a page at a time, while the system serves. */
import { partitionHeads } from '../../events/archive.js';
import { CONTROL_PARTITION, type StoredEvent } from '../../events/define.js';
import type { Database, Queryable } from '../../infra/database/port.js';
import type { Clock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import type { Projection, TableName } from '../define.js';
import { prune } from '../prune.js';
import { allDone } from './allDone.js';
import { decodeAll, type Ready } from './decode.js';
import { foldAll } from './fold.js';
import { type Answers, answersFor, RETRIED } from './parked.js';
import { readEvent, readSpan } from './readEvents.js';
import { createScratch, dropScratch, suffixed } from './scratch.js';

export interface BuildProgress {
  /** Events read, of those the archive held at the last look. */
  readonly done: number;
  readonly total: number;
  readonly eventsPerSecond: number;
  /** null: not known yet. */
  readonly remainingMs: number | null;
}

export interface BuildOptions {
  readonly db: Database;
  /** Folded together in one pass over the archive. */
  readonly projections: readonly Projection[];
  /** What is built, as the beginning of the scratch tables' suffix. */
  readonly kind: string;
  readonly clock: Clock;
  /** Events per transaction; others wait that long at most. */
  readonly pageSize?: number;
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
}

export interface Build {
  readonly table: TableName;
  /** Of the scratch tables. */
  readonly suffix: string;
  /** Of the last event folded, by partition. */
  readonly positions: ReadonlyMap<string, number>;
  readonly events: number;
  /** Reads until the archive gives less than a page, or new events come as fast as they are read; answers how many it took. */
  follow(): Promise<number>;
  /** Takes all that is left, in a transaction that keeps writers out. */
  finish(tx: Queryable): Promise<void>;
  drop(): Promise<void>;
}

interface Span {
  readonly partition: string;
  readonly upTo: number;
  readonly events: Promise<StoredEvent[]>;
}

type Write = (fn: (tx: Queryable) => Promise<void>) => Promise<void>;

/** An event that a projection cannot take and that is not parked: the rebuild stops, the live tables stay. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
}

/** Passes that need not be shorter than the one before; what is left then is read while writers wait. */
const MAX_STALLED = 5;

export async function startBuild(options: BuildOptions): Promise<Build> {
  const { db, projections, kind, clock, pageSize = 5_000 } = options;
  const suffix = `${kind}_${createIds(clock).short().slice(0, 8)}`;
  const table = suffixed(suffix);
  const positions = new Map<string, number>();
  const began = clock.monotonic();
  let done = 0;
  await db.tx(async (tx) => {
    for (const projection of projections) await createScratch(tx, projection, { kind, suffix });
  });

  const types = [...new Set([RETRIED, ...projections.flatMap((projection) => projection.types)])];

  /** Begins to read what comes behind a position; null: nothing. */
  function readNext(partition: string, after: number, head: number, from: Queryable): Span | null {
    const upTo = Math.min(head, after + pageSize);
    if (upTo <= after) return null;
    const events = readSpan(from, { partition, after, upTo }, types);
    // Awaited later, perhaps never: when the span before it fails, that error counts.
    events.catch(() => undefined);
    return { partition, upTo, events };
  }

  async function take({ partition, upTo, events }: Span, from: Queryable, write: Write): Promise<void> {
    // Asked after the span was read: whatever of it is parked was parked in the transaction that archived it.
    const batches = await foldSpan(from, projections, await events);
    await write(async (tx) => {
      await allDone(batches.map(({ projection, batch }) => projection.flush(batch, tx, table)));
      for (const projection of projections) await prune(projection, tx, table);
    });
    done += upTo - (positions.get(partition) ?? 0);
    positions.set(partition, upTo);
  }

  /** Reads up to the heads of now, each span while the one before is folded and written; answers how many positions that took. */
  async function pass(from: Queryable, write: Write): Promise<number> {
    const heads = await partitionHeads(from);
    const total = [...heads.values()].reduce((sum, { position }) => sum + position, 0);
    const before = done;
    for (const [partition, head] of heads) {
      let span = readNext(partition, positions.get(partition) ?? 0, head.position, from);
      while (span) {
        await span.events;
        const next = readNext(partition, span.upTo, head.position, from);
        await take(span, from, write);
        span = next;
        report(total);
      }
    }
    return done - before;
  }

  function report(total: number): void {
    const seconds = (clock.monotonic() - began) / 1_000;
    const eventsPerSecond = seconds > 0 ? done / seconds : 0;
    const left = Math.max(0, total - done);
    options.onProgress?.({ done, total, eventsPerSecond, remainingMs: eventsPerSecond > 0 ? (left / eventsPerSecond) * 1_000 : null });
  }

  return {
    table,
    suffix,
    positions,
    get events() {
      return done;
    },
    async follow() {
      let taken = 0;
      for (let stalled = 0, before = Number.POSITIVE_INFINITY; stalled < MAX_STALLED; ) {
        const count = await pass(db, (fn) => db.tx(fn));
        taken += count;
        if (count < pageSize) break;
        stalled = count >= before ? stalled + 1 : 0;
        before = count;
      }
      return taken;
    },
    finish: async (tx) => void (await pass(tx, (fn) => fn(tx))),
    drop: () =>
      db.tx(async (tx) => {
        for (const projection of projections) await dropScratch(tx, projection, suffix);
      }),
  };
}

interface Folding {
  readonly projection: Projection;
  readonly batch: unknown;
}

/** Decodes once for all projections. */
async function foldSpan(db: Queryable, projections: readonly Projection[], events: readonly StoredEvent[]): Promise<Folding[]> {
  const { ready } = decodeAll(events);
  const foldings: Folding[] = [];
  for (const projection of projections) {
    const answers = await answersFor(db, projection.name);
    const sequence = await sequenceFor(db, projection, ready, answers);
    if (sequence.length > 0) foldings.push({ projection, batch: foldOrStop(projection, sequence) });
  }
  return foldings;
}

function foldOrStop(projection: Projection, sequence: readonly Ready[]): unknown {
  const { batch, poison } = foldAll(projection, sequence);
  const [first] = poison;
  if (first === undefined) return batch;
  const { partition, position, type } = first.event;
  throw new BuildError(`projection ${projection.name} cannot take ${type} at ${partition}/${position}: ${first.error}`);
}

/** What the projection takes; a retried event stands where its retry stands. */
async function sequenceFor(db: Queryable, projection: Projection, ready: readonly Ready[], answers: Answers): Promise<Ready[]> {
  const types = new Set(projection.types);
  if (answers.skipped.size === 0) return ready.filter(({ event }) => types.has(event.type));
  const sequence: Ready[] = [];
  for (const item of ready) {
    const { type, partition, position } = item.event;
    if (types.has(type) && !answers.skipped.has(`${partition}.${position}`)) sequence.push(item);
    const place = partition === CONTROL_PARTITION ? answers.retries.get(position) : undefined;
    const retried = place && (await readEvent(db, place.partition, place.position));
    if (retried) sequence.push(...decodeAll([retried]).ready);
  }
  return sequence;
}
