/** Folds the archive anew into scratch tables, beside the live ones, a page at a time, while the system serves. */
import { partitionHeads, readPartition } from '../../events/archive.js';
import type { StoredEvent } from '../../events/define.js';
import type { Database, Queryable } from '../../infra/database/port.js';
import type { Clock } from '../../shared/clock.js';
import type { Projection, TableName } from '../define.js';
import { isPruneDue, prune } from '../prune.js';
import { allDone } from './allDone.js';
import { decodeAll } from './decode.js';
import { foldAll } from './fold.js';
import { type Answers, answersFor } from './parked.js';
import { readEvent } from './readEvent.js';
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
  readonly suffix: string;
  readonly clock: Clock;
  /** Events per transaction; others wait that long at most. */
  readonly pageSize?: number;
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
}

export interface Build {
  readonly table: TableName;
  /** Of the last event folded, by partition. */
  readonly positions: ReadonlyMap<string, number>;
  readonly events: number;
  /** Reads until the archive gives less than a page, or new events come as fast as they are read; answers how many it took. */
  follow(): Promise<number>;
  /** Takes all that is left, in a transaction that keeps writers out. */
  finish(tx: Queryable): Promise<void>;
  drop(): Promise<void>;
}

/** An event that a projection cannot take and that is not parked: the rebuild stops, the live tables stay. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
}

/** Passes that need not be shorter than the one before; what is left then is read while writers wait. */
const MAX_STALLED = 5;

export async function startBuild(options: BuildOptions): Promise<Build> {
  const { db, projections, suffix, clock, pageSize = 2_000 } = options;
  const table = suffixed(suffix);
  const positions = new Map<string, number>();
  const began = clock.monotonic();
  let done = 0;
  await db.tx(async (tx) => {
    for (const projection of projections) await createScratch(tx, projection, suffix);
  });

  /** Reads through `from`, writes through `write`. */
  async function page(partition: string, from: Queryable, write: (fn: (tx: Queryable) => Promise<void>) => Promise<void>): Promise<number> {
    const events = await readPartition(from, partition, positions.get(partition) ?? 0, pageSize);
    const last = events.at(-1);
    if (!last) return 0;
    // Asked after the page was read: whatever of it is parked was parked in the transaction that archived it.
    const batches: { projection: Projection; batch: unknown }[] = [];
    for (const projection of projections) batches.push({ projection, batch: await foldPage(from, projection, events) });
    await write(async (tx) => {
      await allDone(batches.map(({ projection, batch }) => projection.flush(batch, tx, table)));
      if (isPruneDue(events)) for (const projection of projections) await prune(projection, tx, table);
    });
    positions.set(partition, last.position);
    done += events.length;
    return events.length;
  }

  async function pass(from: Queryable, write: (fn: (tx: Queryable) => Promise<void>) => Promise<void>): Promise<number> {
    const heads = await partitionHeads(from);
    const total = [...heads.values()].reduce((sum, { position }) => sum + position, 0);
    let taken = 0;
    for (const partition of heads.keys()) {
      for (let count = pageSize; count === pageSize; ) {
        count = await page(partition, from, write);
        taken += count;
        report(total);
      }
    }
    return taken;
  }

  function report(total: number): void {
    const seconds = (clock.monotonic() - began) / 1_000;
    const eventsPerSecond = seconds > 0 ? done / seconds : 0;
    const left = Math.max(0, total - done);
    options.onProgress?.({ done, total, eventsPerSecond, remainingMs: eventsPerSecond > 0 ? (left / eventsPerSecond) * 1_000 : null });
  }

  return {
    table,
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

async function foldPage(db: Queryable, projection: Projection, events: readonly StoredEvent[]): Promise<unknown> {
  const answers = await answersFor(db, projection.name);
  const wanted = events.filter(
    ({ type, partition, position }) => projection.types.includes(type) && !answers.skipped.has(`${partition}.${position}`),
  );
  const sequence = answers.retries.size === 0 ? wanted : await withRetries(db, events, wanted, answers);
  const { batch, poison } = foldAll(projection, decodeAll(sequence).ready);
  const [first] = poison;
  if (first) {
    const { partition, position, type } = first.event;
    throw new BuildError(`projection ${projection.name} cannot take ${type} at ${partition}/${position}: ${first.error}`);
  }
  return batch;
}

/** A retried event stands where its retry stands. */
async function withRetries(
  db: Queryable,
  events: readonly StoredEvent[],
  wanted: readonly StoredEvent[],
  answers: Answers,
): Promise<StoredEvent[]> {
  const kept = new Set(wanted);
  const sequence: StoredEvent[] = [];
  for (const event of events) {
    if (kept.has(event)) sequence.push(event);
    const place = event.partition === 'control' ? answers.retries.get(event.position) : undefined;
    const retried = place && (await readEvent(db, place.partition, place.position));
    if (retried) sequence.push(retried);
  }
  return sequence;
}
