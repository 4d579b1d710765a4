/** Moves the event log into archive and read models, for as long as the process lives, whatever the stores do. */
import type { Logger } from 'pino';
import type { NewEvent } from '../../events/define.js';
import type { EventLog, LogEntry } from '../../events/log/port.js';
import type { Database } from '../../infra/database/port.js';
import type { Clock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import type { Projection } from '../define.js';
import { projections as registry } from '../index.js';
import { type BatchResult, forgetProducers, Overtaken } from './batch.js';
import { BuildError } from './build.js';
import { commitBatch } from './commitBatch.js';
import { type Counter, type Counts, createCounter } from './counts.js';
import type { Poison } from './fold.js';
import { createHoldings, type Holdings } from './holdings.js';
import { createIdlers } from './idlers.js';
import { Behind } from './live.js';
import type { Owners } from './ownership.js';
import { parkedEventMaker } from './parkedEvent.js';
import { PrepareError, prepareProjections } from './prepare.js';
import { readCursors, storedWatermarks } from './progress.js';

export interface IngestDeps {
  readonly db: Database;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The process runs that share the partitions; absent: this is the only one. A hint, asked often: answer from memory. */
  readonly owners?: () => Owners;
  /** Default: the registry. */
  readonly projections?: readonly Projection[];
  /** Most events of one transaction. Default 2,000. */
  readonly batchSize?: number;
  /** How long a batch of fewer than 200 waits for more, ms. Default 200. */
  readonly lingerMs?: number;
  /** Longest pause between tries while the store fails, ms. Default 5,000. */
  readonly maxPauseMs?: number;
}

export interface IngestStatus extends Counts {
  /** `starting`: not yet reading. `failing`: the last try did not commit. */
  readonly state: 'starting' | 'running' | 'failing' | 'closed';
  /** Appended and not yet archived. */
  readonly waiting: number;
  /** Why it fails, for the operator; null while it runs. */
  readonly error: string | null;
}

export interface Ingest {
  /** Resolves when projections are prepared and what this process appended is archived, by whomever. Rejects with PrepareError, BuildError, or when closed. */
  idle(): Promise<void>;
  status(): IngestStatus;
  /** Archives what is there as long as the store answers, then ends. */
  close(): Promise<void>;
}

/**
 * A batch costs some 35 statements whatever it holds: an event took 900 µs in batches of 16, 400 in batches of 128. So a
 * quiet node waits longer, within the second that read models may lag; at 2,000 events/s the batch goes after 100 ms.
 */
const LINGER_MS = 200;
const ENOUGH = 200;
const READ_WAIT_MS = 250;
const FIRST_PAUSE_MS = 50;
/** How often a process among several looks at what the others do. */
const LOOK_MS = 1_000;
const FORGET_MS = 3_600_000;
/** A process that stops archives so long at most what it appended itself; the rest is in the log for others. */
const DRAIN_MS = 5_000;

/** Starts at once; failures of the store are retried, never thrown. */
export function startIngest(deps: IngestDeps): Ingest {
  return new RunningIngest(deps);
}

class RunningIngest implements Ingest {
  readonly #deps: IngestDeps;
  readonly #projections: readonly Projection[];
  readonly #parkedEvent: (poison: Poison) => NewEvent;
  readonly #holdings: Holdings;
  readonly #idlers = createIdlers();
  readonly #counter: Counter;
  readonly #loop: Promise<void>;
  #cursors: Map<string, string> = new Map();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #forgotAt = Number.NEGATIVE_INFINITY;
  #state: IngestStatus['state'] = 'starting';
  #processed = 0;
  #fatal: unknown = null;
  #error: string | null = null;
  #pause = 0;
  /** Did the last commit fail, perhaps only in its answer? */
  #unsure = false;
  #closing = false;
  #closingAt = 0;
  #wake: () => void = () => undefined;

  constructor(deps: IngestDeps) {
    this.#deps = deps;
    this.#projections = deps.projections ?? registry;
    this.#holdings = createHoldings(deps);
    this.#parkedEvent = parkedEventMaker(createIds(deps.clock), deps.clock);
    this.#counter = createCounter(deps);
    this.#loop = this.#run();
  }

  idle(): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(this.#fatal ?? new Error('the ingest is closed'));
    const contented = this.#idlers.wait(this.#processed + this.#deps.log.backlog().events);
    this.#settleIdlers();
    return contented;
  }

  status(): IngestStatus {
    return {
      state: this.#state,
      ...this.#counter.counts(),
      waiting: this.#deps.log.backlog().events,
      error: this.#error,
    };
  }

  async close(): Promise<void> {
    if (!this.#closing) this.#closingAt = this.#deps.clock.monotonic();
    this.#closing = true;
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#closing && this.#fatal === null && (await this.#attempt(() => this.#prepare())) === null) await this.#rest();
    while (this.#fatal === null) {
      const taken = await this.#attempt(() => this.#step());
      if (this.#closing && (!taken || this.#isOursDone())) break;
      if (taken === null) await this.#rest();
    }
    this.#state = 'closed';
    this.#idlers.fail(this.#fatal ?? new Error('the ingest is closed'));
  }

  /** Among others a node that stops archives its own events for a while; theirs would never end. */
  #isOursDone(): boolean {
    const { owners, log, clock } = this.#deps;
    return owners !== undefined && (log.backlog().events === 0 || clock.monotonic() - this.#closingAt >= DRAIN_MS);
  }

  async #prepare(): Promise<number> {
    const { db, clock, logger } = this.#deps;
    try {
      await prepareProjections({ db, projections: this.#projections, clock, logger });
    } catch (error) {
      if (error instanceof PrepareError || error instanceof BuildError) this.#fatal = error;
      throw error;
    }
    this.#cursors = await readCursors(db);
    return 0;
  }

  /** Reads and commits one batch; answers how many entries it held. */
  async #step(): Promise<number> {
    const { log, batchSize = 2_000, lingerMs = LINGER_MS } = this.#deps;
    this.#settleIdlers();
    if (this.#unsure) await this.#learn();
    await this.#look();
    await this.#forget();
    const partitions = this.#holdings.mine();
    // Nobody waits for more once somebody waits for us.
    const hurried = this.#closing || this.#idlers.size > 0;
    const entries = await log.read(this.#cursors, {
      limit: batchSize,
      waitMs: this.#closing ? 0 : READ_WAIT_MS,
      lingerMs: hurried ? 0 : lingerMs,
      enough: ENOUGH,
      ...(partitions === undefined ? {} : { partitions }),
    });
    if (entries.length > 0) await this.#take(entries);
    return entries.length;
  }

  async #take(entries: readonly LogEntry[]): Promise<void> {
    const { log } = this.#deps;
    try {
      const result = await this.#commit(entries);
      for (const { partition, cursor } of result.watermarks) this.#cursors.set(partition, cursor);
      this.#counter.committed(result);
      this.#processed += entries.length;
      await log.archived(result.watermarks);
      this.#settleIdlers();
    } catch (error) {
      if (error instanceof Behind) await this.#prepare();
      else if (error instanceof Overtaken) {
        this.#holdings.letGo(error.partitions);
        await this.#learn();
      } else {
        this.#unsure = true;
        throw error;
      }
    }
  }

  /** Where the archive stands. Perhaps it was we who brought it there, and the answer was lost: what it has may go. */
  async #learn(): Promise<void> {
    const { db, log, clock } = this.#deps;
    this.#cursors = await readCursors(db);
    await log.archived(await storedWatermarks(db, clock.now()));
    this.#unsure = false;
    this.#settleIdlers();
  }

  /** Among several processes: learns how far the others are, and steps in where one stands still. */
  async #look(): Promise<void> {
    const { db, clock, owners } = this.#deps;
    if (owners === undefined || clock.monotonic() - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = clock.monotonic();
    this.#cursors = await readCursors(db);
    this.#settleIdlers();
    if (!this.#closing) await this.#holdings.look(this.#cursors);
  }

  #commit(entries: readonly LogEntry[]): Promise<BatchResult> {
    const { db, clock, logger } = this.#deps;
    const options = { projections: this.#projections, now: clock.now(), parkedEvent: this.#parkedEvent };
    return commitBatch({ db, logger }, entries, this.#cursors, options);
  }

  /** What the work answers, or null when it failed. One line in the log for each change of state. */
  async #attempt(work: () => Promise<number>): Promise<number | null> {
    try {
      const taken = await work();
      if (this.#state === 'failing') this.#deps.logger.info('events are archived again');
      this.#state = 'running';
      this.#error = null;
      this.#pause = 0;
      return taken;
    } catch (error) {
      if (this.#state !== 'failing')
        this.#deps.logger.error({ err: error }, 'events cannot be archived; they wait in the log and are tried again');
      this.#state = 'failing';
      this.#error = error instanceof Error ? error.message : String(error);
      return null;
    }
  }

  #rest(): Promise<void> {
    this.#pause = Math.min(this.#deps.maxPauseMs ?? 5_000, Math.max(FIRST_PAUSE_MS, this.#pause * 2));
    return this.#sleep(this.#pause);
  }

  /** Ends early when the process closes. */
  #sleep(ms: number): Promise<void> {
    if (this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #settleIdlers(): void {
    if (this.#state === 'starting') return;
    const { log, owners } = this.#deps;
    this.#idlers.settle(log.backlog().events === 0, owners === undefined ? this.#processed : null);
  }

  /** Rows of producers long gone; a delete of its own, for no batch needs it. */
  async #forget(): Promise<void> {
    const { db, clock } = this.#deps;
    if (clock.monotonic() - this.#forgotAt < FORGET_MS) return;
    this.#forgotAt = clock.monotonic();
    await forgetProducers(db, clock.now());
  }
}
