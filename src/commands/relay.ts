/** Brings control events from the archive to the control stream: a copy for consumers and a bell for nodes, never the truth. */
import type { Logger } from 'pino';
import { partitionHeads, readPartition } from '../events/archive.js';
import { allSpans, inDays } from '../events/archiveDays.js';
import { CONTROL_PARTITION, type StoredEvent } from '../events/define.js';
import { type Queryable, sql } from '../infra/database/port.js';
import type { Clock } from '../shared/clock.js';

export interface RelayDeps {
  readonly db: Queryable;
  /**
   * Appends to the stream what it lacks of these, in order; answers the control position that it has by then (0: none). Without
   * events it only answers. It takes none behind a gap; an empty stream may begin anywhere, `anew`.
   */
  readonly relayControl: (events: readonly StoredEvent[], options?: { readonly anew?: boolean }) => Promise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A stream that lost everything gets events as old as this at most, ms: what the stream would keep. */
  readonly retentionMs: number;
  /** Default 1,000. */
  readonly intervalMs?: number;
}

export interface Relay {
  /** There is something new. Returns at once. */
  wake(): void;
  /** Ends after the page under way. */
  close(): Promise<void>;
}

const PAGE = 200;

/** Any number of nodes may relay side by side: the stream takes each position once. */
export function startRelay(deps: RelayDeps): Relay {
  let running: Promise<void> | null = null;
  let again = false;
  let closed = false;
  let failing = false;

  async function run(): Promise<void> {
    try {
      await relay(deps, () => closed);
      if (failing) deps.logger.info('control events reach the stream again');
      failing = false;
    } catch (error) {
      if (!failing && !closed)
        deps.logger.warn({ err: error }, 'control events cannot be brought to the stream; nodes follow the database, consumers wait');
      failing = true;
    }
  }

  function wake(): void {
    if (closed) return;
    again = running !== null;
    running ??= run().then(() => {
      running = null;
      if (again) wake();
    });
  }

  const timer = setInterval(wake, deps.intervalMs ?? 1_000).unref();
  return {
    wake,
    async close() {
      closed = true;
      clearInterval(timer);
      await running;
    },
  };
}

async function relay(deps: RelayDeps, isClosed: () => boolean): Promise<void> {
  const { db, relayControl } = deps;
  const head = (await partitionHeads(db)).get(CONTROL_PARTITION)?.position ?? 0;
  const known = await relayControl([]);
  let from = known === 0 ? await oldestKept(deps) : known;
  let begun = false;
  for (let refused = false; from < head && !isClosed(); ) {
    const events = await readPartition(db, CONTROL_PARTITION, from, PAGE);
    if (events.length === 0) return;
    const reached = await relayControl(events, { anew: known === 0 && !begun });
    begun = true;
    // A stream that lacks what came before, perhaps since it rolled back a moment ago, names its place: once a run it is followed.
    if (reached <= from && (refused || reached === from)) return;
    refused = reached < from;
    from = reached;
  }
}

/** The position before the first event that the stream would still keep. */
async function oldestKept({ db, clock, retentionMs }: RelayDeps): Promise<number> {
  const since = clock.now() - retentionMs;
  // Years of archive are years of tables: only those are looked at that hold something as new.
  const held = db.engine === 'postgres' ? await allSpans(db) : [];
  const days = held.filter((span) => span.partition === CONTROL_PARTITION && span.last_time >= since).map(({ day }) => day);
  const [row] = await db.query<{ position: number | null }>(sql`select min(position) as position from archive
    where partition = ${CONTROL_PARTITION} and time >= ${since} and ${inDays(db, days)}`);
  return row?.position == null ? Number.MAX_SAFE_INTEGER : row.position - 1;
}
