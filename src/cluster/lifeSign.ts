/** This run's sign of life in the database, every 2 s, and what the other runs say there of themselves. */
import type { Logger } from 'pino';
import { DatabaseError } from '../infra/database/errors.js';
import type { Database } from '../infra/database/port.js';
import type { Clock } from '../shared/clock.js';
import { type Every, realEvery } from './every.js';
import { createFarClock } from './farClock.js';
import { pruneRuns, removeRun, type Sign, writeSign } from './lifeSignStore.js';
import { createListeners } from './listeners.js';
import { afterSign, DEAD_AFTER_MS, type Health, livingOf, type NodeRun, noSigns, type OwnSigns, type Roll, readRoll } from './nodeRun.js';

export interface LifeSignDeps {
  readonly db: Database;
  /** Unique for each start of a process. */
  readonly runId: string;
  /** Stable over restarts. */
  readonly nodeId: string;
  readonly version: string;
  /** Does this run reach Redis? A change is written at once. */
  readonly redisUp: () => boolean;
  /** What this node's /health says; a change is written at once. Default: healthy. */
  readonly health?: () => Health;
  /** Default: false. */
  readonly leader?: () => boolean;
  /** Asked every 10 s. */
  readonly load: () => { readonly connections: number; readonly requestsLastMinute: number };
  /** The live settings as the environment has them, as JSON. Default: none. */
  readonly settings?: string;
  /** Control position up to which they are in force here; a change is written at once. Default: not known. */
  readonly settingsPosition?: () => number | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly every?: Every;
}

export interface Overslept {
  /** How long no sign was given, ms. */
  readonly gapMs: number;
  /** `frozen`: this process did not run. `database`: the database did not take the signs. */
  readonly cause: 'frozen' | 'database';
}

export interface LifeSign {
  /** Runs that may not be taken for dead, this one included. Asks at most once a second; never rejects (see NodeRun.stale). */
  living(): Promise<readonly NodeRun[]>;
  /** All runs of the last day that did not end in order, dead ones included. Never rejects. */
  runs(): Promise<readonly NodeRun[]>;
  /** Which of these runs are dead for the database, asked anew; none while it does not answer. Never rejects. */
  dead(runIds: readonly string[]): Promise<readonly string[]>;
  /** The living as they were read last, and when (monotonic ms). */
  known(): { readonly living: readonly NodeRun[]; readonly readAt: number };
  /** Monotonic ms when the last sign that was written had been sent. */
  lastWritten(): number;
  /** Has the database answered within 4 s? */
  databaseUp(): boolean;
  /** Gives a sign at once. Resolves when what is true now was written or could not be; never rejects. */
  tell(): Promise<void>;
  /** Something that the database knows of the runs was read anew, or could not be. Answers how to stop listening. */
  onChange(listener: () => void): () => void;
  /** No sign was given for longer than a run may be silent: others may have swept this run's leases. */
  onOverslept(listener: (gap: Overslept) => void): () => void;
  /** Ends the signs and removes this run's row. */
  close(): Promise<void>;
}

const BEAT_MS = 2_000;
/** A failed sign is given again, and changes are looked for, this often. */
const TICK_MS = 250;
const RETRY_MS = 500;
const LOAD_MS = 10_000;
const PRUNE_MS = 300_000;
const READ_MS = 1_000;
const DOWN_AFTER_MS = 4_000;

/** Gives the first sign. Rejects with DatabaseError where the database does not take it. */
export async function startLifeSign(deps: LifeSignDeps): Promise<LifeSign> {
  const sign = new RunningLifeSign(deps);
  await sign.start();
  return sign;
}

class RunningLifeSign implements LifeSign {
  readonly #deps: LifeSignDeps;
  readonly #changes = createListeners<void>();
  readonly #gaps = createListeners<Overslept>();
  #load = { connections: 0, requestsLastMinute: 0 };
  #loadAt = Number.NEGATIVE_INFINITY;
  #prunedAt = Number.NEGATIVE_INFINITY;
  #tickAt: number;
  #triedAt = Number.NEGATIVE_INFINITY;
  #answeredAt: number;
  #writtenAt: number;
  #failing = false;
  #complained = false;
  #gapTold = false;
  #said: Pick<Sign, 'redisUp' | 'health' | 'leader' | 'settingsPosition'> | null = null;
  #own: OwnSigns = noSigns;
  readonly #databaseClock = createFarClock();
  #roll: Roll = { now: 0, runs: [] };
  #readAt = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #reading: Promise<void> | null = null;
  #stopTicks = (): void => undefined;
  #closed = false;

  constructor(deps: LifeSignDeps) {
    this.#deps = deps;
    const now = deps.clock.monotonic();
    this.#tickAt = now;
    this.#answeredAt = now;
    this.#writtenAt = now;
  }

  async start(): Promise<void> {
    await this.#write();
    this.#stopTicks = (this.#deps.every ?? realEvery)(TICK_MS, () => this.#tick());
  }

  async living(): Promise<readonly NodeRun[]> {
    await this.#refresh();
    return this.known().living;
  }

  async runs(): Promise<readonly NodeRun[]> {
    await this.#refresh();
    return this.#marked().runs;
  }

  async dead(runIds: readonly string[]): Promise<readonly string[]> {
    if (runIds.length === 0) return [];
    // A read that began before now could miss a run that has just started.
    await this.#reading;
    if (!(await this.#read())) return [];
    const living = new Set(this.known().living.map(({ runId }) => runId));
    return runIds.filter((runId) => !living.has(runId));
  }

  known(): { readonly living: readonly NodeRun[]; readonly readAt: number } {
    return { living: livingOf(this.#marked(), this.#own), readAt: this.#readAt };
  }

  lastWritten(): number {
    return this.#writtenAt;
  }

  databaseUp(): boolean {
    return this.#deps.clock.monotonic() - this.#answeredAt < DOWN_AFTER_MS;
  }

  tell(): Promise<void> {
    if (this.#writing === null) return this.#attempt();
    // What is on its way was composed before.
    this.#next ??= this.#writing.then(() => {
      this.#next = null;
      return this.#attempt();
    });
    return this.#next;
  }

  onChange(listener: () => void): () => void {
    return this.#changes.add(listener);
  }

  onOverslept(listener: (gap: Overslept) => void): () => void {
    return this.#gaps.add(listener);
  }

  async close(): Promise<void> {
    this.#stopTicks();
    this.#closed = true;
    await this.#next;
    await this.#writing;
    await removeRun(this.#deps.db, this.#deps.runId).catch((error: unknown) =>
      this.#deps.logger.warn({ err: error }, 'this run could not be taken off the list of runs'),
    );
  }

  #tick(): void {
    const now = this.#deps.clock.monotonic();
    const pause = now - this.#tickAt;
    this.#tickAt = now;
    if (pause > RETRY_MS) {
      // The database could not answer somebody who did not run.
      this.#answeredAt += pause;
      if (pause > DEAD_AFTER_MS) {
        this.#gapTold = true;
        this.#gaps.tell({ gapMs: pause, cause: 'frozen' });
      }
    }
    if (this.#writing === null && this.#isDue(now)) void this.#attempt();
  }

  #isDue(now: number): boolean {
    const since = now - this.#triedAt;
    if (this.#failing) return since >= RETRY_MS;
    const { redisUp, health, leader, settingsPosition } = this.#present();
    const said = this.#said;
    const same = said?.redisUp === redisUp && said.health === health && said.leader === leader;
    return since >= BEAT_MS || !same || said.settingsPosition !== settingsPosition;
  }

  #present(): Pick<Sign, 'redisUp' | 'health' | 'leader' | 'settingsPosition'> {
    const { redisUp, health, leader, settingsPosition } = this.#deps;
    return {
      redisUp: redisUp(),
      health: health?.() ?? 'healthy',
      leader: leader?.() ?? false,
      settingsPosition: settingsPosition?.() ?? null,
    };
  }

  /** Never rejects: the next tick tries again. */
  #attempt(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const mine = this.#write()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#writing = null;
        this.#changes.tell();
      });
    this.#writing = mine;
    return mine;
  }

  async #write(): Promise<void> {
    const { db, runId, nodeId, version, settings = '{}', clock } = this.#deps;
    const began = clock.monotonic();
    this.#triedAt = began;
    if (began - this.#loadAt >= LOAD_MS) {
      this.#load = this.#deps.load();
      this.#loadAt = began;
    }
    const present = this.#present();
    const sign = { runId, nodeId, version, settings, ...this.#load, ...present };
    const { seenAt, roll } = await writeSign(db, sign, this.#databaseClock.at(began));
    this.#databaseClock.note(seenAt ?? roll.now, clock.monotonic());
    this.#noteAnswer();
    this.#noteRoll(roll);
    // What it said was no longer true when the database came to it: it is said anew with the next tick.
    if (seenAt === null) this.#said = null;
    if (seenAt === null) return;
    const last = this.#own.last;
    this.#own = afterSign(this.#own, seenAt);
    this.#said = present;
    this.#writtenAt = began;
    if (last !== null && seenAt - last > DEAD_AFTER_MS && !this.#gapTold) this.#gaps.tell({ gapMs: seenAt - last, cause: 'database' });
    this.#gapTold = false;
    if (began - this.#prunedAt < PRUNE_MS) return;
    await pruneRuns(db, nodeId);
    this.#prunedAt = began;
  }

  #noteAnswer(): void {
    this.#answeredAt = this.#deps.clock.monotonic();
    this.#failing = false;
    this.#complained = false;
  }

  #noteRoll(roll: Roll): void {
    this.#roll = roll;
    this.#readAt = this.#deps.clock.monotonic();
  }

  /** A lost database is told by who watches the stores; anything else is a fault of ours and must be seen, once. */
  #failed(error: unknown): void {
    this.#failing = true;
    if (this.#complained || (error instanceof DatabaseError && error.transient)) return;
    this.#complained = true;
    this.#deps.logger.error({ err: error }, 'the database refuses the signs of life');
  }

  #refresh(): Promise<void> {
    if (this.#deps.clock.monotonic() - this.#readAt < READ_MS) return Promise.resolve();
    this.#reading ??= this.#read()
      .then(() => undefined)
      .finally(() => {
        this.#reading = null;
      });
    return this.#reading;
  }

  /** Has the database answered? Never rejects. */
  async #read(): Promise<boolean> {
    try {
      const roll = await readRoll(this.#deps.db);
      this.#noteAnswer();
      this.#noteRoll(roll);
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  /** What was read last is marked where the database has not been heard since. */
  #marked(): Roll {
    if (!this.#failing && this.databaseUp()) return this.#roll;
    return { ...this.#roll, runs: this.#roll.runs.map((run) => ({ ...run, stale: true })) };
  }
}
