/**
 * Is this node's directory as new as what the cluster has confirmed within the last second? Where the database cannot be asked,
 * the other runs' words and the control stream in Redis tell; where they cannot either, nobody may be served.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AppError } from '../errors.js';
import type { RedisConnection } from '../infra/redis/connection.js';
import type { Clock } from '../shared/clock.js';
import { untilAborted } from '../shared/untilAborted.js';
import { type Every, realEvery } from './every.js';
import { createFarClock } from './farClock.js';
import type { NodeRun } from './nodeRun.js';
import { createProofs } from './proofs.js';
import { clusterScript } from './scripts.js';
import { type Heard, nobodyMoves, parseWords, proofsIn, SILENT_MS, type Word, wordText } from './words.js';

export interface Currency {
  /** Is everything known here that anybody confirmed more than a second ago? At once, without I/O. */
  isCurrent(): boolean;
  /**
   * Resolves when it is; rejects with `storage_unavailable` when it is not within 3 s, and as `signal` does. Whoever refused at once
   * would look idle to a balancer.
   */
  current(signal?: AbortSignal): Promise<void>;
}

export interface CurrencyService extends Currency {
  /**
   * A command of this node was archived up to `position`. Resolves when it may be confirmed: where this run had said that it
   * cannot reach the database, others must have heard otherwise first. Never rejects.
   */
  committed(position: number): Promise<void>;
  /**
   * Is the limits' home still that of `term`, as was read before the database was lost: do all others say that they have lost it
   * as well, and knew of no later one? False while the database answers, and where it was not heard lately.
   */
  isHomeStill(term: number): boolean;
  /** There may be something new in the control stream. Returns at once. */
  bell(): void;
  /** Says that this run takes no commands any more. Never rejects. */
  close(): Promise<void>;
}

export interface CurrencyDeps {
  readonly runId: string;
  readonly redis: Pick<RedisConnection, 'command' | 'run'>;
  readonly directory: {
    position(): number;
    /** Monotonic ms: everything that the database had then is known. */
    followedAt(): number;
    onFollowed(listener: () => void): () => void;
  };
  /** Term of the limits' home as this run knows it; -1: not yet. */
  readonly homeTerm: () => number;
  /** Brings the directory what the control stream has beyond it. */
  readonly readAhead: () => Promise<void>;
  /** Runs that may not be taken for dead, as they were read last, and when (monotonic ms). */
  readonly known: () => { readonly living: readonly NodeRun[]; readonly readAt: number };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly every?: Every;
  /** For tests: the pause between two looks of one who waits. */
  readonly pause?: (ms: number) => Promise<unknown>;
}

const KEY = 'kirogate:followers';
/** Contract §5. */
const BINDS_MS = 1_000;
/** Longest wait for the others' words; as long as an admission is held. */
const HOLD_MS = 3_000;
/** The directory follows every 250 ms; from here on Redis is asked as well. */
const ASK_AFTER_MS = 500;
/** From here on this run says that it cannot follow. */
const LOST_MS = 700;
const SAY_MS = 250;
/** What is followed more often is not said more often. */
const SAY_AGAIN_MS = 150;
const READ_MS = 150;
const LOOK_MS = 20;
const PRUNE_MS = 2_000;
/** Words of runs that the database calls dead go when they are older. */
const OLD_MS = 5_000;
const HEARD_LATELY_MS = 1_000;

/** Says its first word before it resolves; rejects where Redis does not take it. */
export async function startCurrency(deps: CurrencyDeps): Promise<CurrencyService> {
  const service = new RunningCurrency(deps);
  await service.start();
  return service;
}

class RunningCurrency implements CurrencyService {
  readonly #deps: CurrencyDeps;
  readonly #say = clusterScript('sayWord');
  readonly #read = clusterScript('readWords');
  #endings: readonly (() => void)[] = [];
  readonly #redisClock = createFarClock();
  #committed = 0;
  /** Others may have heard that this run has lost the database, and nothing since. */
  #saidLost = false;
  #saidAt = Number.NEGATIVE_INFINITY;
  #saying: Promise<boolean> | null = null;
  #reading: Promise<void> | null = null;
  #heard = new Map<string, Word>();
  #last: { readonly heard: Heard; readonly at: number } | null = null;
  readonly #proofs = createProofs();
  #prunedAt = Number.NEGATIVE_INFINITY;
  #isBehind = false;
  #closed = false;

  constructor(deps: CurrencyDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const { every = realEvery, directory } = this.#deps;
    await this.#sayNow();
    this.#endings = [
      directory.onFollowed(() => this.#sayAfter(SAY_AGAIN_MS)),
      every(SAY_MS, () => void this.#tick()),
      every(READ_MS, () => {
        if (this.#ageOfFollow() > ASK_AFTER_MS) this.bell();
        else this.#heard.clear();
      }),
    ];
  }

  isCurrent(): boolean {
    return this.#age() <= BINDS_MS;
  }

  current(signal?: AbortSignal): Promise<void> {
    return signal === undefined ? this.#untilCurrent() : untilAborted(this.#untilCurrent(), signal);
  }

  async committed(position: number): Promise<void> {
    const { clock, pause = sleep } = this.#deps;
    this.#committed = Math.max(this.#committed, position);
    if (!this.#saidLost) return;
    const began = clock.monotonic();
    // What is under way may have been composed before.
    await this.#saying;
    // Who does not hear the new word takes this run for silent by the end.
    while (!(await this.#tryToSay()) && clock.monotonic() - began <= SILENT_MS) await pause(LOOK_MS);
    this.#saidLost = false;
  }

  isHomeStill(term: number): boolean {
    const last = this.#last;
    if (last === null || this.#ageOfFollow() <= LOST_MS) return false;
    return this.#deps.clock.monotonic() - last.at <= HEARD_LATELY_MS && nobodyMoves(last.heard, term);
  }

  bell(): void {
    if (this.#closed || this.#ageOfFollow() <= ASK_AFTER_MS) return;
    this.#reading ??= this.#readNow()
      .catch((error: unknown) => this.#deps.logger.debug({ err: error }, 'the words of the other nodes could not be read'))
      .finally(() => {
        this.#reading = null;
      });
  }

  async close(): Promise<void> {
    for (const end of this.#endings) end();
    this.#closed = true;
    await Promise.all([this.#saying, this.#reading]);
    const { redis, runId } = this.#deps;
    const word = wordText({ kind: 'gone', position: this.#position(), asOf: 0, term: this.#deps.homeTerm() });
    await redis.run(this.#say, [KEY], [runId, word]).catch(() => undefined);
  }

  #ageOfFollow(): number {
    return this.#deps.clock.monotonic() - this.#deps.directory.followedAt();
  }

  #age(): number {
    return this.#deps.clock.monotonic() - Math.max(this.#deps.directory.followedAt(), this.#proofs.provenAt());
  }

  /** Redis' clock at the last look at the database, ms; 0: not known. */
  #followedAsOf(): number {
    return this.#redisClock.at(this.#deps.directory.followedAt()) ?? 0;
  }

  #position(): number {
    return Math.max(this.#committed, this.#deps.directory.position());
  }

  async #untilCurrent(): Promise<void> {
    const { pause = sleep, clock } = this.#deps;
    const began = clock.monotonic();
    while (!this.isCurrent()) {
      if (clock.monotonic() - began > HOLD_MS || this.#closed) throw new AppError('storage_unavailable', { retryAfterSeconds: 2 });
      this.bell();
      await pause(LOOK_MS);
    }
  }

  #sayAfter(ms: number): void {
    if (this.#deps.clock.monotonic() - this.#saidAt >= ms) void this.#tryToSay();
  }

  #tick(): void {
    this.#sayAfter(SAY_MS);
    this.#tell();
    const { clock, logger } = this.#deps;
    if (clock.monotonic() - this.#prunedAt < PRUNE_MS || this.#ageOfFollow() > ASK_AFTER_MS) return;
    this.#prunedAt = clock.monotonic();
    this.#prune().catch((error: unknown) => logger.debug({ err: error }, 'words of dead nodes could not be removed'));
  }

  /** A line when requests are refused for this, and one when they are served again. */
  #tell(): void {
    const isBehind = this.#age() > BINDS_MS + HOLD_MS;
    if (isBehind === this.#isBehind) return;
    this.#isBehind = isBehind;
    const { logger } = this.#deps;
    if (isBehind) logger.warn('neither PostgreSQL nor the other nodes say what was revoked or changed: requests are refused');
    else logger.info('what was revoked or changed is known again: requests are served');
  }

  /** Was it taken? Never rejects. */
  #tryToSay(): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    this.#saying ??= this.#sayNow()
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        this.#saying = null;
      });
    return this.#saying;
  }

  async #sayNow(): Promise<void> {
    const { redis, runId, directory, clock, homeTerm } = this.#deps;
    const followedAt = directory.followedAt();
    const began = clock.monotonic();
    const kind = began - followedAt > LOST_MS ? 'lost' : 'follows';
    const asOf = this.#followedAsOf();
    this.#saidAt = began;
    this.#saidLost ||= kind === 'lost';
    const reply = await redis.run(this.#say, [KEY], [runId, wordText({ kind, position: this.#position(), asOf, term: homeTerm() })]);
    if (typeof reply !== 'number') throw new Error('the script of the words answered something else');
    this.#redisClock.note(reply, clock.monotonic());
    if (kind === 'follows') this.#saidLost = false;
  }

  async #readNow(): Promise<void> {
    const { directory, readAhead, clock } = this.#deps;
    const began = clock.monotonic();
    const heard = await this.#hear();
    this.#last = { heard, at: began };
    this.#proofs.add(proofsIn(heard, this.#committed), began);
    this.#take();
    if (this.#proofs.isBeyond(directory.position())) await readAhead();
    this.#take();
  }

  #take(): void {
    const { directory, clock } = this.#deps;
    this.#proofs.reached(directory.position(), clock.monotonic() - BINDS_MS);
  }

  /** What was heard in this outage stays known, whatever becomes of Redis' memory. */
  async #hear(): Promise<Heard> {
    const { runId, known } = this.#deps;
    const { now, words } = await this.#words();
    for (const [run, word] of words) this.#heard.set(run, word);
    const { living } = known();
    const others = new Set([...living.map((run) => run.runId), ...this.#heard.keys()]);
    others.delete(runId);
    return {
      now,
      followedAsOf: this.#followedAsOf(),
      words: new Map([...others].map((run) => [run, this.#heard.get(run)])),
      withoutRedis: new Set(living.filter(({ redisUp }) => !redisUp).map((run) => run.runId)),
    };
  }

  async #words(): Promise<{ readonly now: number; readonly words: ReadonlyMap<string, Word> }> {
    return parseWords(await this.#deps.redis.run(this.#read, [KEY], []));
  }

  /** Takes away the words of the dead. */
  async #prune(): Promise<void> {
    const { redis, known, runId } = this.#deps;
    const { now, words } = await this.#words();
    const { living } = known();
    if (living.some(({ stale }) => stale)) return;
    const alive = new Set([...living.map((run) => run.runId), runId]);
    const dead = [...words].filter(([run, { saidAt }]) => !alive.has(run) && now - saidAt > OLD_MS).map(([run]) => run);
    if (dead.length > 0) await redis.command('HDEL', KEY, ...dead);
  }
}
