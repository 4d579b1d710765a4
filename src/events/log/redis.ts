/** The event log of a cluster: Redis Streams as intake, an idempotent producer per run, and nothing let go before the archive has it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AppError } from '../../errors.js';
import { openRedis, type RedisConnection } from '../../infra/redis/connection.js';
import type { Clock } from '../../shared/clock.js';
import type { NewEvent, StoredEvent } from '../define.js';
import type { EventLog, LogBacklog, LogEntry, ReadOptions, Watermark } from './port.js';
import { loadLogScripts } from './redis/calls.js';
import { relayControl } from './redis/control.js';
import { findLeftovers, type Leftovers } from './redis/leftovers.js';
import { Outbox } from './redis/outbox.js';
import { Reader } from './redis/reader.js';
import { type Recovered, Sender } from './redis/sender.js';
import { makeFolder, type SpoolFolder } from './redis/spoolFolder.js';
import { createStoredProgress } from './redis/storedProgress.js';
import { createTrimmer, type Trimmer } from './redis/trim.js';
import { Upkeep } from './redis/upkeep.js';
import { Spool } from './spool.js';

export interface RedisLogDeps {
  readonly url: string;
  readonly partitions: number;
  /** Folder of the spools; each run makes one of its own in it. */
  readonly dir: string;
  /** This run: never used before. */
  readonly src: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Hours that archived entries stay in Redis. */
  readonly retentionHours: number;
  /** Most memory for events that are not archived; older ones move to the spool. Default 64 MiB. */
  readonly ringBytes?: number;
  /** Most bytes of this run's spool. Default 1 GiB. */
  readonly spoolBytes?: number;
  /** A spool file larger than this is followed by the next one. Default 4 MiB. */
  readonly segmentBytes?: number;
  /** How long `close` waits for the archive, ms. Default 5,000. */
  readonly closeWaitMs?: number;
  /** How long the first connection is tried, ms. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** What the database says that the archive has. */
  readonly storedProgress?: () => Promise<readonly Watermark[]>;
  /** Entries that Redis lost, or could not take for a while, are in the stream again. */
  readonly onRecovered?: (what: Recovered) => void;
  /** Something new in the control stream; only while somebody reads. */
  readonly onControl?: () => void;
  /** An entry that is no event was read; a substitute with version 0 goes to the archive for it. */
  readonly onUnreadable?: (entry: LogEntry, reason: string) => void;
}

export interface LogBudget {
  readonly events: number;
  /** Memory held for events that are not archived, and its bound. */
  readonly ringBytes: number;
  readonly ringLimit: number;
  readonly spoolBytes: number;
  readonly spoolLimit: number;
  /** What all streams take in Redis, about, and their share; null: Redis has no bound. */
  readonly redisBytes: number;
  readonly redisLimit: number | null;
}

export interface RedisLog extends EventLog {
  /** No new work should be begun: what is not archived nears its bounds. `append` still takes what ends running work. */
  full(): boolean;
  budget(): LogBudget;
  /** Whether Redis took what it was sent last. */
  isUp(): boolean;
  /** See `relayControl` in redis/control.ts: the position that the control stream has afterwards. */
  relayControl(events: readonly StoredEvent[], options?: { readonly anew?: boolean }): Promise<number>;
}

const RING_BYTES = 64 * 1024 * 1024;
const SPOOL_BYTES = 1024 * 1024 * 1024;
/** From here on no new work: the rest is for what runs. */
const FULL = 0.9;
/** An XREAD may block for a second. */
const READ_TIMEOUT_MS = 5_000;

/** Rejects with StoreUnreachable when Redis cannot be reached, and when the spool cannot be opened. */
export async function openRedisLog(deps: RedisLogDeps): Promise<RedisLog> {
  const opened: (() => Promise<unknown> | undefined)[] = [];
  const connect = async (name: string, more: { commandTimeoutMs?: number } = {}): Promise<RedisConnection> => {
    const timeout = deps.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: deps.connectTimeoutMs };
    const redis = await openRedis({ url: deps.url, name: `kirogate-log-${name}`, ...timeout, ...more });
    opened.push(async () => redis.drop());
    return redis;
  };
  try {
    const control = await connect('control');
    const append = await connect('append');
    const read = await connect('read', { commandTimeoutMs: READ_TIMEOUT_MS });
    const folder = await makeFolder(deps.dir, deps.src);
    opened.push(() => folder.release());
    const spool = await Spool.open({
      dir: folder.dir,
      maxBytes: deps.spoolBytes ?? SPOOL_BYTES,
      ...(deps.segmentBytes === undefined ? {} : { segmentBytes: deps.segmentBytes }),
      onError: (error, what) => deps.logger?.warn({ err: error }, what),
    });
    const leftovers = await findLeftovers({ root: deps.dir, own: deps.src, logger: deps.logger });
    opened.push(() => leftovers.close());
    const log = new StreamLog(deps, { control, append, read, spool, folder, leftovers });
    await log.start();
    return log;
  } catch (error) {
    for (const undo of opened.reverse()) await undo();
    throw error;
  }
}

interface Parts {
  readonly control: RedisConnection;
  readonly append: RedisConnection;
  readonly read: RedisConnection;
  readonly spool: Spool;
  readonly folder: SpoolFolder;
  readonly leftovers: Leftovers;
}

class StreamLog implements RedisLog {
  readonly partitions: readonly string[];
  readonly #deps: RedisLogDeps;
  readonly #parts: Parts;
  readonly #scripts = loadLogScripts();
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  readonly #reader: Reader;
  readonly #trimmer: Trimmer;
  readonly #upkeep: Upkeep;
  #closing: Promise<void> | undefined;

  constructor(deps: RedisLogDeps, parts: Parts) {
    this.#deps = deps;
    this.#parts = parts;
    this.partitions = Array.from({ length: deps.partitions }, (_, index) => `p${index}`);
    const { clock, logger } = deps;
    this.#outbox = new Outbox({
      partitions: this.partitions,
      src: deps.src,
      spool: parts.spool,
      ringBytes: deps.ringBytes ?? RING_BYTES,
      onDone: (segment) => parts.leftovers.done(segment),
      onSpoolError: (error) => logger?.error({ err: error }, 'the event spool cannot be used'),
    });
    const stored = createStoredProgress(deps.storedProgress, logger);
    this.#sender = new Sender({
      redis: parts.append,
      scripts: this.#scripts,
      outbox: this.#outbox,
      logger,
      onRecovered: (what) => deps.onRecovered?.(what),
      onLost: () => this.#upkeep.askDatabase(),
    });
    const retentionMs = deps.retentionHours * 3_600_000;
    this.#trimmer = createTrimmer({ redis: parts.control, clock, partitions: this.partitions, retentionMs });
    this.#upkeep = new Upkeep({
      redis: parts.control,
      scripts: this.#scripts,
      partitions: this.partitions,
      outbox: this.#outbox,
      sender: this.#sender,
      trimmer: this.#trimmer,
      stored,
      clock,
      logger,
      retentionMs,
    });
    this.#reader = new Reader({
      redis: parts.read,
      looking: parts.control,
      partitions: this.partitions,
      clock,
      logger,
      isArchived: (partition, src, n) => stored.has(partition, src, n),
      onLost: () => this.#sender.ask(),
      onGone: (partition) => deps.onRecovered?.({ partition, reappended: 0, reason: 'hole' }),
      onUnreadable: (entry, reason) => this.#unreadable(entry, reason),
      ...(deps.onControl ? { onControl: deps.onControl } : {}),
    });
  }

  /** Takes over what dead runs left, and begins. */
  async start(): Promise<void> {
    await this.#parts.leftovers.each(({ segment, records }) => {
      const mine = records.filter(({ partition }) => this.partitions.includes(partition));
      if (mine.length < records.length) this.#deps.logger?.warn({ path: segment.path }, 'a spool names partitions that are not there');
      this.#outbox.adopt(segment, mine);
    });
    this.#outbox.adoptedAll();
    if (this.#outbox.events > 0) {
      this.#deps.logger?.info({ events: this.#outbox.events }, 'events of dead runs wait in their spools');
      await this.#upkeep.askDatabase();
    }
    this.#sender.ask();
    this.#upkeep.start();
  }

  append(event: NewEvent): Promise<void> {
    if (this.#closing) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      try {
        this.#outbox.add(event, { resolve, reject });
        this.#sender.kick();
      } catch (error) {
        reject(error);
      }
    });
  }

  read(after: ReadonlyMap<string, string>, options: ReadOptions): Promise<LogEntry[]> {
    return this.#closing ? Promise.resolve([]) : this.#reader.read(after, options);
  }

  archived(watermarks: readonly Watermark[]): Promise<void> {
    return this.#upkeep.archived(watermarks);
  }

  backlog(): LogBacklog {
    return { events: this.#outbox.events, bytes: this.#outbox.bytes };
  }

  budget(): LogBudget {
    const { bytes, limit } = this.#trimmer.memory();
    return {
      events: this.#outbox.events,
      ringBytes: this.#outbox.hotBytes,
      ringLimit: this.#deps.ringBytes ?? RING_BYTES,
      spoolBytes: this.#parts.spool.bytes,
      spoolLimit: this.#parts.spool.maxBytes,
      redisBytes: bytes,
      redisLimit: limit,
    };
  }

  full(): boolean {
    const { ringBytes, ringLimit, spoolBytes, spoolLimit, redisBytes, redisLimit } = this.budget();
    if (spoolBytes > spoolLimit * FULL || ringBytes > ringLimit / FULL) return true;
    if (this.#outbox.spoolFails && (ringBytes > ringLimit * FULL || !this.#sender.isUp)) return true;
    // While Redis does not answer, its figure is an old one, and the spool is the bound.
    return this.#sender.isUp && redisLimit !== null && redisBytes > redisLimit;
  }

  isUp(): boolean {
    return this.#sender.isUp;
  }

  relayControl(events: readonly StoredEvent[], options: { readonly anew?: boolean } = {}): Promise<number> {
    return relayControl({ redis: this.#parts.control, scripts: this.#scripts }, events, options.anew ?? false);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#upkeep.close();
    this.#reader.close();
    await this.#waitForArchive();
    await this.#sender.close();
    this.#outbox.spooling = true;
    await this.#outbox.spoolRest();
    this.#outbox.refuseRest(closedError());
    const { spool, leftovers, folder, append, control } = this.#parts;
    const left = await spool.close();
    await leftovers.close();
    await (left ? folder.release() : folder.remove());
    append.drop();
    control.drop();
  }

  /** Somebody may be archiving what we appended; then nothing is left for a spool. */
  async #waitForArchive(): Promise<void> {
    const { clock, closeWaitMs = 5_000 } = this.#deps;
    const end = clock.monotonic() + closeWaitMs;
    await Promise.race([this.#sender.flushed(), wait(Math.max(closeWaitMs, 1_000), undefined, { ref: false })]);
    while (this.#outbox.events > 0 && this.#sender.isUp && clock.monotonic() < end) {
      this.#sender.ask();
      await wait(50);
    }
  }

  #unreadable(entry: LogEntry, reason: string): void {
    const facts = { partition: entry.partition, cursor: entry.cursor, reason };
    this.#deps.logger?.warn(facts, 'an entry of an event stream is no event; it is archived as such and parked');
    this.#deps.onUnreadable?.(entry, reason);
  }
}

const closedError = (): AppError => new AppError('storage_unavailable', { cause: new Error('the event log is closed') });
